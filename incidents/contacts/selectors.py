"""Whom to reach for what, and which places of the book are blank."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.catalogue.runbook import is_blank
from incidents.contacts.models import RoleHolder
from incidents.oncall.selectors import holder
from incidents.severity.choices import Paging

if TYPE_CHECKING:
    from incidents.models import Incident


@dataclass(frozen=True)
class ContactLine:
    """One entry of the contact book."""

    key: str
    name: str
    kind: str
    value: str
    note: str
    person: User | None
    blank: bool


@dataclass(frozen=True)
class Rung:
    """One level of an escalation: the role that the source names, and the person behind it now."""

    level: int
    contact: str
    person: User | None
    reached: bool
    current: bool


def contact_book(system: System, *, demo: bool = False) -> list[ContactLine]:
    """The contacts of a system with the people behind their roles (INC-35)."""
    return [
        ContactLine(
            key=contact["key"],
            name=contact["name"],
            kind=contact.get("kind", "person"),
            value=contact.get("value", ""),
            note=contact.get("note") or "",
            person=holder(Role(contact["role"]), demo=demo) if contact.get("role") else None,
            blank=is_blank(contact),
        )
        for contact in system.contacts
    ]


def matrix(system: System) -> list[dict[str, Any]]:
    """The issue types of a system; empty when its source has none."""
    rows: list[dict[str, Any]] = system.setting("escalation_matrix", [])
    return rows


def issue_type(system: System, key: str) -> dict[str, Any] | None:
    return next((issue for issue in matrix(system) if issue["key"] == key), None)


def person_for(system: System, role: str, *, demo: bool = False) -> User | None:
    """The person behind a role of the source: the one named, else whoever holds the desk role it is mapped to."""
    if not demo:
        named = RoleHolder.objects.filter(system=system, role__iexact=role, person__is_active=True)
        row = named.select_related("person").first()
        if row is not None:
            return row.person
    desk_role = {name.lower(): held for name, held in system.setting("roles", {}).items()}.get(role.lower())
    return holder(Role(desk_role), demo=demo) if desk_role else None


def roles_without_person(system: System) -> Iterator[str]:
    """The roles of the map and of the matrix that nobody stands behind now."""
    named = [*system.setting("roles", {}), *(contact for issue in matrix(system) for contact in issue["contacts"])]
    for role in dict.fromkeys(name.lower() for name in named):
        if person_for(system, role) is None:
            yield role


def ladder(incident: "Incident") -> list[Rung]:
    """The levels of escalation of an incident's issue type; empty while it has none."""
    issue = issue_type(incident.system, incident.issue_type)
    return [
        Rung(
            level=level,
            contact=contact,
            person=person_for(incident.system, contact, demo=incident.is_demo),
            reached=level <= incident.escalation_level,
            current=level == incident.escalation_level,
        )
        for level, contact in enumerate(issue["contacts"] if issue else [], start=1)
    ]


def next_rung(incident: "Incident") -> Rung | None:
    return next((rung for rung in ladder(incident) if rung.level == incident.escalation_level + 1), None)


def topics(system: System) -> list[tuple[str, str]]:
    """What a case may be about, with the parts of a topic below it: "async_pipeline/invites" (INC-03)."""
    found: list[tuple[str, str]] = []
    for scope in system.setting("scopes", []):
        found.append((scope["key"], scope["name"]))
        found += [(f"{scope['key']}/{part['key']}", f"{scope['name']}: {part['name']}") for part in scope["parts"]]
    return found


def destination(incident: "Incident") -> str:
    """The desk that the incident belongs to ("privacy", "dispute", "support"); empty: here.

    A level that promises nothing is a wish, and wishes are support cases of the backlog (INC-12).
    """
    key = incident.topic.partition("/")[0]
    scopes = incident.system.setting("scopes", [])
    routed = next((scope["routes_to"] or "" for scope in scopes if scope["key"] == key), "")
    level = incident.severity
    if not routed and level is not None and not level.acknowledge and level.paging == Paging.NEVER:
        return "support"
    return str(routed)


def gaps(system: System, at: datetime) -> list[str]:
    """What is missing in the book, as sentences for the readiness board (INC-35).

    Args:
        at: aware instant for which people are looked up.
    """
    blank = [f"Contact {line.name} of {system.name} is blank." for line in contact_book(system) if line.blank]
    return blank + [f"Nobody holds the role {role} of {system.name}." for role in roles_without_person(system)]


def known_roles(system: System) -> set[str]:
    """The roles that a system's runbook names, in small letters."""
    return {name.lower() for name in system.setting("roles", {})}
