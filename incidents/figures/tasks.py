"""Reports as durable work."""

from config.casework import clock
from config.casework.work.models import Job
from config.casework.work.registry import handler
from incidents.figures.reports import KIND, send


@handler(KIND, max_attempts=5)
def report(job: Job) -> None:
    """Mail one report."""
    send(job.arguments["report"], at=clock.now())
