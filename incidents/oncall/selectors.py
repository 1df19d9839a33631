from datetime import datetime

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import System
from incidents.oncall.choices import OnCallPart
from incidents.oncall.models import OnCallRole


def on_call(system: System, part: OnCallPart | str, at: datetime) -> User | None:
    """Who holds a part of the duty at `at`; None when nobody does (the caller warns, visibly)."""
    duty = OnCallRole.objects.filter(system=system, part=part).select_related("person").first()
    if duty is not None and duty.person is not None and duty.person.is_active:
        return duty.person
    default = Role.CEO if part == OnCallPart.SECONDARY else Role.CTO
    return holder(Role(duty.held_by) if duty else default)


def holder(role: Role) -> User | None:
    """The person of the operator who has held a desk role longest."""
    return (
        User.objects.filter(
            groups__name=role, is_active=True, memberships__organization__kind=OrganizationKind.OPERATOR
        )
        .order_by("pk")
        .first()
    )


def resolve(system: System, target: str, at: datetime) -> User | None:
    """The person behind a target of an escalation step: a part of the duty, or a desk role."""
    if target in OnCallPart.values:
        return on_call(system, target, at)
    return holder(Role(target)) if target in Role.values else None


def other_person(system: System, person: User, at: datetime) -> User | None:
    """The other of the two people on call."""
    for part in OnCallPart:
        candidate = on_call(system, part, at)
        if candidate is not None and candidate != person:
            return candidate
    return None
