"""What follows later from an assessment: its subject is told."""

from config.casework import clock
from config.casework.work.models import Job
from config.casework.work.registry import handler
from disputes.assessments import notices


@handler(notices.TELL)
def tell(job: Job) -> None:
    notices.tell(job.arguments["assessment"], at=clock.now())
