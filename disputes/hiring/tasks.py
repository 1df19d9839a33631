"""What follows later from hiring decisions: the proxy watch, and the weekly figure."""

from datetime import datetime

from config.casework import clock
from config.casework.catalogue.models import Organization, System
from config.casework.work.models import Job
from config.casework.work.registry import handler
from disputes.hiring import figures, services
from disputes.hiring.watch import watch


@handler(services.WATCH)
def look(job: Job) -> None:
    organization = Organization.objects.filter(pk=job.arguments["organization"]).first()
    system = System.objects.filter(pk=job.arguments["system"]).first()
    if organization is not None and system is not None:
        watch(organization, system, at=clock.now())


@handler(figures.WEEKLY)
def weekly(job: Job) -> None:
    figures.send(datetime.fromisoformat(job.arguments["end"]), at=clock.now())
