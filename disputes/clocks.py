"""The clocks of a dispute (DSP-14): taken within one business day, decided within five, or before the employer decides."""

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from config.casework import calendars
from config.casework.calendars import BusinessCalendar
from config.casework.deadlines import services as deadlines
from config.casework.deadlines.models import Deadline
from disputes.choices import Clock
from disputes.models import Dispute

ACKNOWLEDGE_WITHIN = "1BD"
DECIDE_WITHIN = "5BD"
BEFORE_THE_EMPLOYER = "1BD"
TIME_OUT_AFTER = "2BD"
REVERSE_WITHIN = "5BD"
ACCOUNT_WITHIN = "5BD"
APPEAL_PERIOD = timedelta(days=30)
SHORTEST = timedelta(hours=1)  # however soon the employer decides, somebody can still act
FARTHEST_BACK = timedelta(days=21)

ACTS = {
    Clock.DECIDE: _("decide"),
    Clock.REVERSE: _("put the consequences right"),
    Clock.ACCOUNT: _("say why it stayed undecided"),
}


def begin(dispute: Dispute, *, at: datetime) -> datetime:
    """Start the clocks of a review or an appeal; returns when the label is withdrawn if nobody decides."""
    calendar = dispute.system.calendar
    deadlines.start(dispute, Clock.ACKNOWLEDGE, at=at, span=ACKNOWLEDGE_WITHIN, calendar=calendar)
    due, steps = decision_due(dispute, at=at)
    deadlines.start(dispute, Clock.DECIDE, at=at, due_at=due, calendar=calendar, steps=steps)
    return withdrawn_at(dispute, due)


def decision_due(dispute: Dispute, *, at: datetime) -> tuple[datetime, list[dict[str, str]]]:
    """The earlier of five business days and one business day before the employer decides, with its steps."""
    business = _calendar(dispute)
    promised = calendars.add(at, calendars.parse_span(DECIDE_WITHIN), business)
    steps = [{"rule": step.rule, "at": step.at.isoformat()} for step in promised.steps]
    if dispute.decision_due_at is None:
        return promised.at, steps
    before = business_day_before(dispute.decision_due_at, business)
    if before >= promised.at:
        return promised.at, steps
    due = max(before, at + SHORTEST)
    return due, [
        {"rule": "the employer decides", "at": dispute.decision_due_at.isoformat()},
        {"rule": "one business day before", "at": before.isoformat()},
        *([{"rule": "never less than an hour", "at": due.isoformat()}] if due > before else []),
    ]


def withdrawn_at(dispute: Dispute, due: datetime) -> datetime:
    """Two business days after the decision clock (SC-41)."""
    return calendars.add(due, calendars.parse_span(TIME_OUT_AFTER), _calendar(dispute)).at


def business_day_before(moment: datetime, calendar: BusinessCalendar) -> datetime:
    """The latest instant from which one business day still ends by `moment`."""
    span = calendars.parse_span(BEFORE_THE_EMPLOYER)
    early, late = moment - FARTHEST_BACK, moment
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if calendars.add(middle, span, calendar).at <= moment:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def met(dispute: Dispute, kind: Clock, *, at: datetime) -> None:
    """Meet a clock; too late is a miss, also when no sweep has seen it run out yet."""
    deadline: Deadline | None = deadlines.meet(dispute, kind, at=at)
    if deadline is not None and deadline.breached_at is None and deadline.is_late(at):
        deadlines.miss(deadline, at=at)


def _calendar(dispute: Dispute) -> BusinessCalendar:
    calendar = dispute.system.calendar
    return calendar.business() if calendar else calendars.ROUND_THE_CLOCK
