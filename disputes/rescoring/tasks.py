"""Scores made anew, durably: the service may be away for hours."""

from config.casework import clock
from config.casework.work.models import Job
from config.casework.work.registry import handler
from disputes.rescoring import services


def _failed(job: Job) -> None:
    services.mark_failed(job.arguments["rescore"], job.last_error, at=clock.now())


@handler("disputes.rescore", max_attempts=6, base=60, cap=3600, parked=_failed)
def rescore(job: Job) -> None:
    services.call(job.arguments["rescore"], at=clock.now())
