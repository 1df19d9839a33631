"""What there is to do, and whether somebody does it."""

from datetime import datetime, timedelta

from django.db.models import Count, ExpressionWrapper, F
from django.db.models.fields import DurationField

from config.casework.work.choices import JobState
from config.casework.work.claims import RealTime
from config.casework.work.models import Heartbeat, Job


def oldest_due_age(now: datetime) -> timedelta | None:
    """How long the oldest due row has been waiting at `now`; None when nothing is due."""
    due = Job.objects.filter(state=JobState.DUE, next_at__lte=now)
    oldest = due.order_by("next_at", "pk").values_list("next_at", flat=True).first()
    return None if oldest is None else now - oldest


def due_kinds(now: datetime) -> list[str]:
    """The kinds of work that have rows due at `now`."""
    return sorted(
        Job.objects.filter(state=JobState.DUE, next_at__lte=now).order_by().values_list("kind", flat=True).distinct()
    )


def is_due(kind: str, now: datetime) -> bool:
    """Whether there are due rows of a kind."""
    return Job.objects.filter(state=JobState.DUE, kind=kind, next_at__lte=now).exists()


def counts() -> dict[JobState, int]:
    """How many rows there are in each state."""
    found = dict(Job.objects.order_by().values_list("state").annotate(Count("pk")))
    return {state: found.get(state, 0) for state in JobState}


def heartbeat_ages() -> dict[str, timedelta]:
    """How long ago each part of the desk finished its round, by the database's clock."""
    age = ExpressionWrapper(RealTime() - F("beat_at"), output_field=DurationField())
    return dict(Heartbeat.objects.values_list("name", age))
