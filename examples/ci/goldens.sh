#!/usr/bin/env bash
# Compares what the service extracts today with what is expected, for documents whose values are known.
#
#   goldens.sh DOCUMENTS SCHEMA EXPECTED [MORE FLAGS OF DIFF]
#
# The first time, or after a change that is right, take the results as the expected ones:
#
#   docspeed diff EXPECTED actual/ --update --yes
#
# DOCSPEED_FLAGS may hold more flags of extract, such as --sandbox. Exit code 10: a value differs.
set -euo pipefail

documents=${1:?the folder of documents}
schema=${2:?the schema}
expected=${3:?the folder of expected results}
read -r -a flags <<< "${DOCSPEED_FLAGS:-}"

docspeed extract "$documents" --recursive --schema "$schema" --wait --timeout 30m -o actual/ "${flags[@]}" > lines.jsonl
docspeed diff "$expected" actual/ --junit report.xml "${@:4}"
