"""Who is called at night, and whether anything is proven to wake them."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from config.casework.access.models import User
from config.casework.catalogue.models import System
from incidents.contacts.models import ContactMethod
from incidents.oncall.choices import OnCallPart
from incidents.oncall.selectors import resolve
from incidents.severity.choices import Paging
from incidents.severity.models import Severity

PROVEN_FOR = timedelta(days=30)


def called_at_night(at: datetime) -> dict[User, list[System]]:
    """The people whom a policy that pages at any hour calls as things stand at `at`, with the systems it is for."""
    found: dict[User, list[System]] = {}
    for level in (
        Severity.objects.filter(paging=Paging.ALWAYS).select_related("system").order_by("system__name", "rank")
    ):
        for step in level.paging_steps or [{"to": OnCallPart.PRIMARY.value}]:
            person = _person(level.system, step, at)
            if person is not None and level.system not in found.setdefault(person, []):
                found[person].append(level.system)
    return found


def proven(at: datetime) -> set[int]:
    """The people with a way that rings until answered and that a test page proved in the last 30 days."""
    sound = Q(failed_at=None) | Q(failed_at__lt=F("proven_at"))
    rows = ContactMethod.objects.in_use().filter(sound, wakes=True, proven_at__gt=at - PROVEN_FOR)
    return set(rows.values_list("person_id", flat=True))


def unproven(at: datetime) -> list[tuple[User, list[System]]]:
    """Those who are called at night and whom nothing is proven to wake: each a readiness failure."""
    sure = proven(at)
    return [(person, systems) for person, systems in called_at_night(at).items() if person.pk not in sure]


def _person(system: System, step: dict[str, Any], at: datetime) -> User | None:
    if step.get("hours") == Paging.BUSINESS_HOURS or "channel" in step:
        return None
    if "person" in step:
        return User.objects.filter(pk=step["person"], is_active=True).first()
    return resolve(system, str(step.get("rotation") or step.get("to", "")), at)
