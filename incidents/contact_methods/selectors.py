"""Who is called at night, and whether anything is proven to wake them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.models import System
from incidents.contact_methods.models import ContactMethod
from incidents.oncall.choices import OnCallPart
from incidents.oncall.models import Rotation
from incidents.oncall.selectors import duties, holder, planned_shifts, resolve
from incidents.severity.choices import Paging
from incidents.severity.models import Severity

PROVEN_FOR = timedelta(days=30)
ROTA_AHEAD = timedelta(days=14)  # who has a shift until then must be sure to wake


def called_at_night(at: datetime) -> dict[User, list[System]]:
    """The people whom a policy that pages at any hour may call until two weeks from `at`, with the systems it is for."""
    wanted: dict[tuple[System, str, Any], None] = {}
    levels = Severity.objects.filter(paging=Paging.ALWAYS).select_related("system").order_by("system__name", "rank")
    for level in levels:
        for step in level.paging_steps or [{"to": OnCallPart.PRIMARY.value}]:
            kind = next((kind for kind in ("person", "rotation", "to") if kind in step), "")
            if kind and step.get("hours") != Paging.BUSINESS_HOURS:
                wanted[level.system, kind, step[kind]] = None
    found: dict[User, list[System]] = {}
    book = _Book(at, wanted)
    for system, kind, name in wanted:
        for person in book.people(system, kind, name):
            if system not in found.setdefault(person, []):
                found[person].append(system)
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


class _Book:
    """Looks people up for many targets in a fixed number of questions to the database."""

    def __init__(self, at: datetime, wanted: Iterable[tuple[System, str, Any]]) -> None:
        self.at = at
        pairs = list(wanted)
        self.named = User.objects.filter(is_active=True).in_bulk([name for _s, kind, name in pairs if kind == "person"])
        self.parts = {(duty.system_id, str(duty.part)): person for duty, person in duties(at)}
        self.roles: dict[str, User | None] = {}
        rotations = list(Rotation.objects.filter(retired_at=None).select_related("system"))
        shifts = planned_shifts(rotations, at, at + ROTA_AHEAD) if rotations else {}
        self.rota: dict[tuple[int, str], list[User]] = {}
        for rotation in rotations:
            people = list(dict.fromkeys(shift.person for shift in shifts[rotation.pk] if shift.person is not None))
            for name in {rotation.key, str(rotation.part)} - {""}:
                self.rota.setdefault((rotation.system_id, name), []).extend(people)

    def people(self, system: System, kind: str, name: Any) -> list[User]:
        """Whoever stands behind one target of a system."""
        if kind == "person":
            return [self.named[name]] if name in self.named else []
        found: list[User | None] = [*self.rota.get((system.pk, name), [])]
        if name in Role.values:
            if name not in self.roles:
                self.roles[name] = holder(Role(name))
            found.append(self.roles[name])
        elif (system.pk, name) in self.parts:
            found.append(self.parts[system.pk, name])
        elif not found:
            found.append(resolve(system, name, self.at))
        return [person for person in dict.fromkeys(found) if person is not None]
