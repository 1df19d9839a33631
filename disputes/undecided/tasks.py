"""Escalations of missed promises, one step after the other."""

from config.casework import clock
from config.casework.work.models import Job
from config.casework.work.registry import handler
from disputes.undecided import services


@handler("disputes.escalate")
def escalate(job: Job) -> None:
    services.escalate(job.arguments["deadline"], order=job.arguments["order"], at=clock.now())
