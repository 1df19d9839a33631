"""Confirmed forms are matched in a job, so that neither words nor time tell whether we know a reference."""

from config.casework import clock
from config.casework.work.models import Job
from config.casework.work.registry import handler
from disputes.filing import services


@handler("disputes.match", batch=5)
def match(job: Job) -> None:
    services.match(job.arguments["filing"], at=clock.now())
