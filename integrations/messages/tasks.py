"""How messages leave: three attempts, from ten seconds to five minutes apart (rules: "Retry")."""

from config.casework.work.models import Job
from config.casework.work.registry import handler
from integrations.messages import services


def _failed(job: Job) -> None:
    services.mark_failed(job.arguments["message"], job.last_error)


@handler("messages.deliver", max_attempts=3, base=10, cap=300, batch=10, parked=_failed)
def deliver(job: Job) -> None:
    services.deliver(job.arguments["message"])
