"""Who is on call for a system."""

from datetime import datetime

from django.db.models import QuerySet

from config.casework.access.choices import Role
from config.casework.access.models import RESERVED, User
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import System
from incidents.oncall.choices import OnCallPart
from incidents.oncall.models import OnCallRole

DEFAULTS = {OnCallPart.PRIMARY: Role.CTO, OnCallPart.SECONDARY: Role.CEO}


def on_call(system: System, part: OnCallPart | str, at: datetime, *, demo: bool = False) -> User | None:
    """Who holds a part of the duty at `at`; None when nobody does (the caller warns, visibly).

    Args:
        demo: the case is made up, so its people are too.
    """
    duty = OnCallRole.objects.filter(system=system, part=part).select_related("person").first()
    if not demo and duty is not None and duty.person is not None and duty.person.is_active:
        return duty.person
    return holder(Role(duty.held_by) if duty else DEFAULTS[OnCallPart(part)], demo=demo)


def holder(role: Role, *, demo: bool = False) -> User | None:
    """The person of the operator who has held a desk role longest; made-up people hold it for made-up cases only."""
    return _holders(demo).filter(groups__name=role).order_by("pk").first()


def duties(at: datetime) -> list[tuple[OnCallRole, User | None]]:
    """Every part of the duty of every system with who holds it at `at`, in three questions to the database."""
    rows = list(OnCallRole.objects.select_related("system", "person").order_by("system__name", "system_id", "part"))
    wanted = {row.held_by for row in rows if row.person is None or not row.person.is_active}
    first: dict[str, User] = {}
    if wanted:
        pairs = _holders(demo=False).filter(groups__name__in=wanted).order_by("pk").values_list("groups__name", "pk")
        earliest: dict[str, int] = {}
        for role, pk in pairs:
            earliest.setdefault(role, pk)
        people = User.objects.in_bulk(earliest.values())
        first = {role: people[pk] for role, pk in earliest.items()}
    return [
        (row, row.person if row.person is not None and row.person.is_active else first.get(row.held_by)) for row in rows
    ]


def _holders(demo: bool) -> QuerySet[User]:
    people = User.objects.filter(is_active=True, memberships__organization__kind=OrganizationKind.OPERATOR)
    return people.filter(email__endswith=RESERVED) if demo else people.exclude(email__endswith=RESERVED)


def resolve(system: System, target: str, at: datetime, *, demo: bool = False) -> User | None:
    """The person behind a target of an escalation step: a part of the duty, or a desk role."""
    if target in OnCallPart.values:
        return on_call(system, target, at, demo=demo)
    return holder(Role(target), demo=demo) if target in Role.values else None


def other_person(system: System, person: User, at: datetime, *, demo: bool = False) -> User | None:
    """The other of the two people on call."""
    for part in OnCallPart:
        candidate = on_call(system, part, at, demo=demo)
        if candidate is not None and candidate != person:
            return candidate
    return None
