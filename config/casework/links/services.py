"""Make, read and use signed links.

A link holds 32 random bytes and a keyed check over them and its purpose, so that an altered letter is refused without
asking the database. Looking never changes anything: mail scanners open every link. Only a button uses one.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import F, Q

from config.casework import crypto
from config.casework.access.models import User
from config.casework.access.services import digest
from config.casework.links.models import Grant

RANDOM_BYTES = 32
CHECK_BYTES = 16  # with the random part a multiple of three: every letter of the text counts
WINDOW = timedelta(hours=24)
STARTS_OF_A_WINDOW = 5
KEPT_AFTER_END = timedelta(days=30)
_SHAPE = re.compile(r"[A-Za-z0-9_-]{64}", re.ASCII)

type Bound = Mapping[str, str | int | bool | None]


class LinkUnknown(Exception):
    """No such link: mistyped, altered, or of another purpose. The page answers 404."""


class LinkExpired(Exception):
    """The link was good and is over: too old, used up or revoked. The page answers 410."""


def issue(
    purpose: str,
    obj: models.Model,
    *,
    expires_at: datetime,
    at: datetime,
    person: User | None = None,
    bound: Bound | None = None,
    max_starts: int | None = None,
) -> str:
    """Make a link's token; it is returned this once, and only its digest is kept.

    Args:
        purpose: what the link is for, such as "page" or "support-status"; a token serves no other.
        obj: the row it opens.
        expires_at: aware instant of its end.
        person: whom it was sent to; deleting the account ends it.
        bound: further ids and coded values it is tied to, never personal data.
        max_starts: how often it may be used; no limit when left out.
    Raises:
        TypeError: `bound` holds something else than single values.
    """
    for key, value in (bound or {}).items():
        if not isinstance(value, str | int | bool | None):
            raise TypeError(f"bound[{key!r}] must be a single coded value, not {type(value).__name__}.")
    secret = secrets.token_bytes(RANDOM_BYTES)
    token = base64.urlsafe_b64encode(secret + crypto.mac(_key(purpose), secret)[:CHECK_BYTES]).decode("ascii")
    Grant.objects.create(
        purpose=purpose,
        content_type=ContentType.objects.get_for_model(obj),
        object_id=obj.pk,
        person=person,
        bound=dict(bound or {}),
        digest=digest(token),
        created_at=at,
        expires_at=expires_at,
        max_starts=max_starts,
    )
    return token


def look(token: str, purpose: str, at: datetime, *, resuming: bool = False) -> Grant:
    """Find what a token grants. Changes nothing, so a page may call it on GET.

    Args:
        resuming: a download that was started goes on, so being used up does not matter while the window is open.
    Raises:
        LinkUnknown: altered, invented or of another purpose; found out without the database unless it was deleted.
        LinkExpired: too old, used up, its window is over, or revoked.
    """
    if not _is_ours(token, purpose):
        raise LinkUnknown
    grant = Grant.objects.select_related("person").filter(digest=digest(token), purpose=purpose).first()
    if grant is None:
        raise LinkUnknown
    over = grant.window_until if grant.window_until else grant.expires_at
    used_up = grant.max_starts is not None and grant.starts >= grant.max_starts
    if grant.revoked_at or at >= over or (used_up and not (resuming and grant.window_until)):
        raise LinkExpired
    return grant


def open_window(
    grant: Grant, at: datetime, *, window: timedelta = WINDOW, max_starts: int = STARTS_OF_A_WINDOW
) -> Grant:
    """Open a grant once, after the person has shown who they are; it then lasts for the window and so many starts.

    Opening an open one again changes nothing.

    Raises:
        LinkExpired: too old or revoked.
    """
    rows = Grant.objects.filter(pk=grant.pk, revoked_at=None, window_until=None, expires_at__gt=at)
    opened = rows.update(window_until=at + window, max_starts=max_starts, starts=0)
    grant.refresh_from_db()
    if not opened and (grant.revoked_at or grant.window_until is None or at >= grant.window_until):
        raise LinkExpired
    return grant


def use(grant: Grant, at: datetime) -> Grant:
    """Count one use; of parallel callers no one gets a use too many.

    Raises:
        LinkExpired: too old, used up, its window is over, or revoked.
    """
    alive = Q(window_until=None, expires_at__gt=at) | Q(window_until__gt=at)
    left = Q(max_starts=None) | Q(starts__lt=F("max_starts"))
    used = Grant.objects.filter(alive, left, pk=grant.pk, revoked_at=None).update(
        starts=F("starts") + 1, last_used_at=at
    )
    if not used:
        raise LinkExpired
    grant.refresh_from_db()
    return grant


def revoke(obj: models.Model, *, at: datetime, purpose: str = "", person: User | None = None) -> int:
    """End the links of a row, all or those of one purpose or person; returns how many were alive."""
    rows = Grant.objects.filter(
        content_type=ContentType.objects.get_for_model(obj), object_id=obj.pk, revoked_at=None, expires_at__gt=at
    )
    if purpose:
        rows = rows.filter(purpose=purpose)
    if person is not None:
        rows = rows.filter(person=person)
    return rows.update(revoked_at=at)


def prune(at: datetime) -> int:
    """Forget links that ended a month ago (until then they answer 410 rather than 404); returns how many."""
    over = Q(window_until=None) | Q(window_until__lt=at - KEPT_AFTER_END)
    return Grant.objects.filter(over, expires_at__lt=at - KEPT_AFTER_END).delete()[0]


def _key(purpose: str) -> str:
    return f"link:{purpose}"


def _is_ours(token: str, purpose: str) -> bool:
    if not _SHAPE.fullmatch(token):
        return False
    raw = base64.urlsafe_b64decode(token)
    secret, check = raw[:RANDOM_BYTES], raw[RANDOM_BYTES:]
    expected = crypto.macs(_key(purpose), secret)
    return any([hmac.compare_digest(mac[:CHECK_BYTES], check) for mac in expected])  # noqa: C419 - all are compared
