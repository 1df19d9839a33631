"""Template filters of desk and front: moments, spans and clocks in words."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from config.casework import clock, words
from config.casework.choices import Tone
from config.casework.deadlines.models import Deadline

register = template.Library()


@register.filter
def when(at: datetime | None, zone_name: str = "") -> str:
    """Say a moment with its place, in the reader's zone or the one given; nothing for nothing."""
    return words.moment(at, zone_name or timezone.get_current_timezone_name()) if at else ""


@register.filter
def ago(at: datetime | None, now: datetime | None = None) -> str:
    """Say how long ago a moment was, or in how long it comes; nothing for nothing."""
    return words.ago_words(at, now or clock.now()) if at else ""


@register.filter
def clock_words(deadline: Deadline, now: datetime | None = None) -> words.ClockWords:
    """Give words and tone of a clock, for `desk/partials/clock.html`."""
    if deadline.cancelled_at is not None:
        return words.ClockWords(_("called off"), Tone.NEUTRAL)
    return words.clock_words(
        words.kind_words(deadline.kind),
        deadline.due_at,
        deadline.met_at,
        deadline.started_at,
        None if deadline.paused_at is None else "",
        now or clock.now(),
        warn_at=deadline.warn_at,
    )
