"""What open incidents wait for: one place for the numbers of the dashboard and the filters of the queue behind them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.approvals.models import OPEN as APPROVAL_OPEN
from config.casework.approvals.models import Approval, Deputy, Signature
from config.casework.deadlines.models import OPEN as CLOCK_OPEN
from config.casework.deadlines.models import Deadline
from incidents.choices import UNRESOLVED, Clock, IncidentState
from incidents.models import Incident, Mitigation
from incidents.reviews.choices import PostmortemState
from incidents.reviews.models import Postmortem
from incidents.severity.choices import Duty
from incidents.transitions import JOINT_DECISION

SIGNERS = (Role.CEO, Role.CTO)

UNACKNOWLEDGED = Q(state__in=UNRESOLVED, duplicate_of=None) & (
    Q(acknowledged_at=None) | Q(acknowledgement_provisional=True) | Q(acknowledgement_expired=True)
)


def late(now: datetime) -> Q:
    """The nearest clock ran out."""
    return Q(next_due_at__lt=now)


def at_risk(now: datetime) -> Q:
    """No clock ran out yet, but one has used up the share of its time after which it warns.

    The conditions are those of the partial index that the sweep uses.
    """
    warned = Deadline.objects.filter(
        CLOCK_OPEN, content_type=_type(), breached_at=None, paused_at=None, warn_at__lte=now, due_at__gte=now
    )
    return Q(next_due_at__gte=now, pk__in=warned.values("object_id"))


def update_overdue(now: datetime) -> Q:
    """The promised next update is overdue."""
    clocks = Deadline.objects.filter(
        CLOCK_OPEN, content_type=_type(), object_id=OuterRef("pk"), kind=Clock.UPDATE, paused_at=None, due_at__lt=now
    )
    return Q(next_due_at__lt=now) & Q(Exists(clocks))


def decision_open(user: User, now: datetime) -> Q:
    """The joint decision waits for this person's signature; for whoever cannot sign, for anybody's."""
    return Q(pk__in=open_approvals(user, now).values("object_id"))


def review_missing() -> Q:
    """Resolved, and the postmortem its level demands is not published."""
    published = Postmortem.objects.filter(incident=OuterRef("pk"), state=PostmortemState.PUBLISHED)
    return Q(state=IncidentState.RESOLVED, severity__postmortem=Duty.REQUIRED, duplicate_of=None) & ~Q(
        Exists(published)
    )


def measure_in_force() -> Q:
    """A temporary measure was not taken back yet."""
    return Q(Exists(Mitigation.objects.filter(incident=OuterRef("pk"), temporary=True, reverted_at=None)))


def open_approvals(user: User, now: datetime) -> QuerySet[Approval]:
    """Joint decisions this person can sign now, by role or as a deputy; for whoever holds neither, all open ones."""
    rows = Approval.objects.filter(APPROVAL_OPEN, content_type=_type(), purpose=JOINT_DECISION)
    if not user.has_perm("incidents.decide_incident"):
        return rows
    deputised = Deputy.objects.filter(person=user, starts_at__lte=now, ends_at__gt=now)
    if user.roles.isdisjoint(SIGNERS) and not deputised.filter(role__in=SIGNERS).exists():
        return rows
    signed = Signature.objects.filter(approval=OuterRef("pk"))
    wanted = Q(pk=None)
    for role in SIGNERS:
        open_for_role = Q(roles__contains=[role]) & ~Q(Exists(signed.filter(role=role)))
        wanted |= open_for_role if role in user.roles else open_for_role & Q(Exists(deputised.filter(role=role)))
    return rows.filter(wanted & ~Q(Exists(signed.filter(person=user)))).exclude(excluded=user)


def _type() -> ContentType:
    return ContentType.objects.get_for_model(Incident)


@dataclass(frozen=True)
class Wait:
    """One thing incidents wait for: its words in the filter, and the condition on open incidents."""

    label: Any
    condition: Callable[[User, datetime], Q]


WAITS: dict[str, Wait] = {
    "acknowledgement": Wait(_("somebody to take it"), lambda user, now: UNACKNOWLEDGED),
    "clocks": Wait(_("late or at risk"), lambda user, now: late(now) | at_risk(now)),
    "update": Wait(_("an overdue update"), lambda user, now: update_overdue(now)),
    "decision": Wait(_("a joint decision"), decision_open),
    "postmortem": Wait(_("the postmortem"), lambda user, now: review_missing()),
    "measure": Wait(_("a measure to be taken back"), lambda user, now: measure_in_force()),
}
