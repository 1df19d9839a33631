from config.casework.cases.models import Case
from config.casework.deadlines.models import Deadline


def clocks(case: Case) -> list[Deadline]:
    """The clocks of a case that were not cancelled, the nearest first."""
    return list(Deadline.objects.of(case).filter(cancelled_at=None).select_related("calendar").order_by("due_at", "pk"))
