"""The jobs that one command finished, for the summary that `--notify` passes on."""

from __future__ import annotations

from docspeed_cli.core.models import Job


class Report:
    """The jobs or the run of one command. A run's jobs are counted in the ledger, not held here."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self.run: str | None = None
        """The id of the run over many documents; None for a command that is not a run."""

    def add_job(self, job: Job | None) -> None:
        """Note a job as it is now."""
        if job is not None:
            self._jobs[job.ref] = job

    def add_run(self, run: str) -> None:
        """Note a run over many documents by its id."""
        self.run = run

    @property
    def jobs(self) -> list[Job]:
        """The jobs, in the order in which they ended."""
        return list(self._jobs.values())
