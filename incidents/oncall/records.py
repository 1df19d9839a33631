"""The record of who really was on call: written when it happens, never recomputed."""

from datetime import datetime

from django.db import transaction

from config.casework.access.models import User
from config.casework.events import publish
from incidents.oncall.events import DutyHandedOver
from incidents.oncall.models import Rotation, ShiftRecord
from incidents.oncall.rota import SECOND, Slot, slots
from incidents.oncall.rotas import Loaded, load


def sweep(at: datetime) -> int:
    """Write down every change of duty up to `at` that is not on record yet."""
    rows = Rotation.objects.filter(over=None).order_by("pk")
    return sum(keep_record(row, at=at, including=True) for row in rows)


def keep_record(rotation: Rotation, *, at: datetime, including: bool = False) -> int:
    """Bring the record of one rotation up to `at`; called before each change of its plan, so that the past stays.

    Args:
        including: also what begins at this very moment.
    Returns:
        how many entries were written.
    """
    with transaction.atomic():
        Rotation.objects.select_for_update().only("pk").get(pk=rotation.pk)
        last = ShiftRecord.objects.filter(rotation=rotation).order_by("-starts_at").first()
        since = last.starts_at if last else rotation.created_at
        if since > at or (last is not None and rotation.retired_at is not None and last.person_id is None):
            return 0
        until = at + SECOND if including else at
        found = load([rotation], since, until)[rotation.pk]
        entries = [
            ShiftRecord(rotation=rotation, person=person, starts_at=start, source=slot.source, recorded_at=at)
            for slot, person, start in _unrecorded(found, last, since, at, until)
        ]
        ShiftRecord.objects.bulk_create(entries)
        before = last
        for entry in entries:
            publish(DutyHandedOver(rotation, before.person if before else None, entry.person, entry.starts_at, at))
            before = entry
    return len(entries)


def _unrecorded(
    found: Loaded, last: ShiftRecord | None, since: datetime, at: datetime, until: datetime
) -> list[tuple[Slot[int | str], User | None, datetime]]:
    """The slots that began since the last entry; one that is not as recorded any more begins now."""
    fresh = []
    for slot in slots(found.rota, since, until):
        person, start = found.person(slot.person), max(slot.start, since)
        if last is not None and start <= last.starts_at:
            same = (person.pk if person else None, slot.source) == (last.person_id, last.source)
            if same or slot.end <= at or at <= last.starts_at:
                continue
            start = at
        elif last is None and person is None and slot.turn is None:
            continue  # it has not begun
        if start > at:
            break
        fresh.append((slot, person, start))
    return fresh
