"""Times and clocks in words: what a person reads beside every deadline, in lists, pages and mails."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import dateformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.casework.choices import Tone

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WARN_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class ClockWords:
    """What a clock says, and in which tone."""

    words: str
    tone: Tone


def duration_words(duration: timedelta) -> str:
    """Say a length of time in at most two units, rounded down.

    Args:
        duration: the length; its sign is ignored.

    Returns:
        "40 s", "12 min", "2 h 5 min", "3 days 4 h", from a week on whole days: "12 days".
    """
    length = abs(duration)
    if length < MINUTE:
        return _("%(count)d s") % {"count": length // timedelta(seconds=1)}
    if length < HOUR:
        return _("%(count)d min") % {"count": length // MINUTE}
    if length < DAY:
        return _pair(_("%(count)d h") % {"count": length // HOUR}, length % HOUR // MINUTE, _("%(count)d min"))
    days = length // DAY
    said = ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if days >= 7:
        return said
    return _pair(said, length % DAY // HOUR, _("%(count)d h"))


def clock_words(
    kind: str,
    due_at: datetime | None,
    met_at: datetime | None,
    started_at: datetime,
    paused: str | None,
    now: datetime,
    *,
    warn_at: datetime | None = None,
) -> ClockWords:
    """Say how one deadline stands.

    A clock is late only after its due moment; exactly at the limit it is not.

    Args:
        kind: the act the clock waits for, as a verb phrase: "acknowledge", "send the next update".
        due_at: aware; already moved by pauses. None while there is no date yet.
        met_at: aware; when the act was done, None while it is open.
        started_at: aware; when the clock began to run.
        paused: why the clock stands still ("waiting for the requester"), "" when no reason is kept, None when it runs.
        now: aware; the moment of reading.
        warn_at: aware; when it is at risk. Default: at 80 % of the way from start to due.

    Raises:
        ValueError: one of the moments has no time zone.
    """
    for moment_given in (due_at, met_at, started_at, now, warn_at):
        if moment_given is not None:
            _demand_aware(moment_given)
    if met_at is not None:
        return _met_words(due_at, met_at, started_at)
    if paused is not None:
        words = _("paused: %(reason)s") % {"reason": paused} if paused else _("paused")
        return ClockWords(words, Tone.NEUTRAL)
    if due_at is None:
        return ClockWords(_("%(kind)s: no date yet") % {"kind": kind}, Tone.NEUTRAL)
    if now > due_at:
        return ClockWords(_("%(duration)s late") % {"duration": duration_words(now - due_at)}, Tone.DANGER)
    risky_at = warn_at or started_at + (due_at - started_at) * WARN_SHARE
    tone = Tone.WARN if now >= risky_at else Tone.INFO
    if due_at - now < timedelta(seconds=1):
        return ClockWords(_("%(kind)s now") % {"kind": kind}, tone)
    return ClockWords(
        _("%(kind)s within %(duration)s") % {"kind": kind, "duration": duration_words(due_at - now)}, tone
    )


def kind_words(kind: str) -> str:
    """Say the code of a clock's kind as words: "send_next_update" becomes "send next update"."""
    return _(kind.replace("_", " "))


def moment(at: datetime, zone_name: str) -> str:
    """Say an instant so that nobody can misread it: "Mon 2 March 2026, 14:05 (Berlin)".

    In the hour that a clock change repeats, the abbreviation of the zone tells the two apart.

    Args:
        at: aware, any zone.
        zone_name: IANA name of the zone to say it in.

    Raises:
        ValueError: `at` has no time zone.
        zoneinfo.ZoneInfoNotFoundError: no such zone.
    """
    _demand_aware(at)
    local = at.astimezone(ZoneInfo(zone_name))
    place = zone_name.rsplit("/", maxsplit=1)[-1].replace("_", " ")
    if local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset():
        place = f"{place}, {local.tzname()}"
    return f"{dateformat.format(local, _('D j F Y, H:i'))} ({place})"


def ago_words(at: datetime, now: datetime) -> str:
    """Say how far an instant lies from now: "just now", "12 min ago", "in 2 h 5 min".

    Args:
        at: aware.
        now: aware.

    Raises:
        ValueError: one of the two has no time zone.
    """
    _demand_aware(at)
    _demand_aware(now)
    if abs(now - at) < MINUTE:
        return _("just now")
    said = {"duration": duration_words(now - at)}
    return _("%(duration)s ago") % said if at < now else _("in %(duration)s") % said


def _met_words(due_at: datetime | None, met_at: datetime, started_at: datetime) -> ClockWords:
    took = duration_words(max(met_at - started_at, timedelta()))
    if due_at is None or met_at <= due_at:
        return ClockWords(_("met after %(duration)s") % {"duration": took}, Tone.OK)
    late = duration_words(met_at - due_at)
    return ClockWords(_("met after %(duration)s, %(late)s late") % {"duration": took, "late": late}, Tone.WARN)


def _pair(first: str, rest: int, rest_form: str) -> str:
    return f"{first} {rest_form % {'count': rest}}" if rest else first


def _demand_aware(at: datetime) -> None:
    if at.tzinfo is None:
        message = f"{at.isoformat()} has no time zone: pass an aware moment."
        raise ValueError(message)
