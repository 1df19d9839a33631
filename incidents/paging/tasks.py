"""The steps of paging and escalation as durable work."""

from config.casework import clock
from config.casework.work.models import Job
from config.casework.work.registry import handler
from incidents.paging import calls, escalations, services


@handler("incidents.page", max_attempts=10, base=10, cap=120)
def page(job: Job) -> None:
    """Carry out one step of a paging plan."""
    plan = job.arguments
    services.run_step(
        plan["incident"], generation=plan["generation"], step=plan["step"], round_=plan["round"], at=clock.now()
    )


@handler("incidents.escalate", max_attempts=10, base=10, cap=120)
def escalate(job: Job) -> None:
    """Carry a missed clock to the next person."""
    escalations.escalate(job.arguments["deadline"], order=job.arguments["order"], at=clock.now())


@handler("incidents.call", max_attempts=10, base=5, cap=60)
def call(job: Job) -> None:
    """Send what waits for one contact."""
    calls.carry_out(job.arguments["call"], at=clock.now())
