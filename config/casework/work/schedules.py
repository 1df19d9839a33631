"""What the queue itself starts: the sweep, every minute."""

from datetime import datetime

from django.apps import apps

SWEEP = "config.casework.work.tasks.sweep"


def ensure_schedules(at: datetime) -> None:
    """Make the queue's schedule say what the code says; when it runs next is left alone.

    Args:
        at: when a schedule that is new runs first.
    """
    schedule = apps.get_model("django_q", "Schedule")
    values = {"func": SWEEP, "schedule_type": "I", "minutes": 1, "repeats": -1, "cluster": None}
    schedule.objects.update_or_create(name="sweep", defaults=values, create_defaults=values | {"next_run": at})
