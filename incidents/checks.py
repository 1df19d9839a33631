"""What a desk whose people are called at night should have (shown by `manage.py check --deploy`)."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError

from config.casework import clock
from incidents.contact_methods.selectors import unproven

TAG = "desk"


@register(TAG, Tags.database, deploy=True)
def waking_proof(
    app_configs: Sequence[AppConfig] | None = None, databases: Iterable[str] | None = None, **_options: Any
) -> list[CheckMessage]:
    """Each person who is called at night has a way proven to wake them in the last 30 days."""
    if not databases:
        return []
    try:
        people = unproven(clock.now())
    except DatabaseError:
        return []
    hint = "Enter a contact method that rings until answered, and answer its test page within ten minutes."
    return [
        Warning(
            f"{person} is called at night for {', '.join(system.key for system in systems)}, and nothing is proven to wake them.",
            hint=hint,
            id="desk.W011",
        )
        for person, systems in people
    ]
