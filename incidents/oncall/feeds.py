"""Calendar feeds of shifts: secret addresses, and what calendars read there."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from icalendar import Calendar, Event

from config.casework.access.models import User
from config.casework.access.services import digest, require
from config.casework.audit.services import record
from incidents.oncall.choices import OnCallPart
from incidents.oncall.models import CalendarFeed, Leave, Rotation
from incidents.oncall.plans import EDIT
from incidents.oncall.selectors import Shift, shifts

RANDOM_BYTES = 32
BACK, AHEAD = timedelta(days=35), timedelta(days=126)
READ_EVERY = timedelta(hours=1)
"""How often a reading is noted."""


def create_feed(owner: User, *, rotation: Rotation | None = None, at: datetime) -> str:
    """Make a secret address for a calendar; it is returned this once.

    Args:
        rotation: whose shifts; the owner's own, of all rotations, when left out.
    Raises:
        PermissionDenied: the owner may not read rotations.
    """
    require(owner, "incidents.add_calendarfeed")
    token = secrets.token_urlsafe(RANDOM_BYTES)
    with transaction.atomic():
        row = CalendarFeed.objects.create(
            owner=owner, rotation=rotation, prefix=token[:6], digest=digest(token), created_at=at
        )
        record(row, "calendar_feed.created", actor=owner, at=at)
    return settings.BASE_URL + reverse("oncall-feed", args=[token])


def revoke_feed(feed: CalendarFeed, *, actor: User, at: datetime) -> None:
    """End an address; calendars get nothing from it any more.

    Raises:
        PermissionDenied: it is another person's, and the actor may not change rotations.
    """
    require(actor, "incidents.change_calendarfeed" if feed.owner == actor else EDIT)
    with transaction.atomic():
        if CalendarFeed.objects.filter(pk=feed.pk, revoked_at=None).update(revoked_at=at):
            record(feed, "calendar_feed.revoked", actor=actor, at=at)
    feed.refresh_from_db()


def find_feed(token: str, at: datetime) -> CalendarFeed | None:
    """The feed behind a token, while it works and its owner may read it; the reading is noted once an hour."""
    feed: CalendarFeed | None = (
        CalendarFeed.objects.filter(digest=digest(token), revoked_at=None)
        .select_related("owner", "rotation__system")
        .first()
    )
    if feed is None or not feed.owner.is_active or not feed.owner.has_perm("incidents.view_rotation"):
        return None
    if feed.last_read_at is None or at - feed.last_read_at >= READ_EVERY:
        CalendarFeed.objects.filter(pk=feed.pk).update(last_read_at=at)
    return feed


def calendar(feed: CalendarFeed, *, at: datetime) -> bytes:
    """What the calendar reads: systems, parts and names of people on duty, and no other word.

    The same shifts give the same bytes all day, so that an unchanged calendar is not sent twice.
    """
    today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = [feed.rotation] if feed.rotation else Rotation.objects.filter(over=None).select_related("system")
    with override(feed.owner.language):
        found = Calendar()
        found.add("prodid", "-//Jobarium Desk//On call//EN")
        found.add("version", "2.0")
        found.add("method", "PUBLISH")
        found.add("x-wr-calname", _title(feed))
        found.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
        for rotation in rows:
            told = shifts(rotation, today - BACK, today + AHEAD)
            mine = [shift for shift in told if feed.rotation is not None or shift.person == feed.owner]
            _add_events(found, rotation, mine)
    return bytes(found.to_ical())


def _add_events(found: Calendar, rotation: Rotation, told: Iterable[Shift]) -> None:
    stamp = _changed_at(rotation)
    for shift in told:
        if shift.person is None:
            continue
        event = Event()
        event.add("uid", f"oncall-{rotation.pk}-{shift.start.astimezone(UTC):%Y%m%dT%H%M%SZ}@{_host()}")
        event.add("dtstamp", stamp)
        event.add("dtstart", shift.start.astimezone(UTC))
        event.add("dtend", shift.end.astimezone(UTC))
        event.add("summary", _("On call: %(who)s (%(what)s)") % {"who": _name(shift.person), "what": words(rotation)})
        event.add("transp", "TRANSPARENT")
        event.add("class", "PRIVATE")
        found.add_component(event)


def words(rotation: Rotation) -> str:
    """A rotation in words: its system and its part of the duty, else its key."""
    part = str(OnCallPart(rotation.part).label) if rotation.part else rotation.key
    return f"{rotation.system.name}, {part}"


def _title(feed: CalendarFeed) -> str:
    if feed.rotation is not None:
        return _("On call: %(what)s") % {"what": words(feed.rotation)}
    return _("On call: %(who)s") % {"who": _name(feed.owner)}


def _name(person: User) -> str:
    """A name, and never an address."""
    return person.name or str(person)


def _changed_at(rotation: Rotation) -> datetime:
    """When anything that decides about the shifts last changed."""
    row = Rotation.objects.filter(Q(pk=rotation.pk) | Q(over=rotation)).aggregate(
        rotation=Max("changed_at"), shift=Max("shifts__changed_at")
    )
    leave = Leave.objects.aggregate(latest=Max("changed_at"))["latest"]
    latest: datetime = max(at for at in (row["rotation"], row["shift"], leave) if at is not None)
    return latest.astimezone(UTC).replace(microsecond=0)


def _host() -> str:
    return urlsplit(settings.BASE_URL).hostname or "localhost"
