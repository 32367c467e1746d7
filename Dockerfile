# docspeed with all its extras: docker build -t docspeed .
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY docspeed_cli docspeed_cli
COPY completions completions
COPY man man
RUN python -m venv --without-pip /opt/docspeed \
 && pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
 && pip --python /opt/docspeed/bin/python install --no-cache-dir \
    "$(echo /wheels/docspeed_cli-*.whl)[all]"

FROM python:3.13-slim
COPY --from=build /opt/docspeed /opt/docspeed
# docspeed writes only to this folder; the others may be read-only.
RUN install -d -o 10001 -g 10001 -m 700 /state
# /state holds the ledger, kept results, a saved key and temporary files.
ENV PATH=/opt/docspeed/bin:$PATH HOME=/state TMPDIR=/state DOCSPEED_STATE_DIR=/state/docspeed
VOLUME /state
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["docspeed"]
CMD ["--help"]
