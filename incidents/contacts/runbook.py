"""The section of a runbook file that says who takes an issue of which type, and who comes after them (INC-34)."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from config.casework.catalogue.fields import Key, Line, RunbookModel
from config.casework.catalogue.models import System
from config.casework.catalogue.sections import Context, Finding, Section, setting
from incidents.contacts.selectors import roles_without_person


class IssueType(RunbookModel):
    """A type of issue and its contacts in the order of escalation; each is a role that `system.roles` maps."""

    key: Annotated[Key, Field(max_length=40)]
    name: Annotated[Line, Field(max_length=80)]
    contacts: Annotated[list[Line], Field(min_length=1, max_length=5)]


def _check(matrix: list[IssueType], context: Context) -> Iterator[Finding]:
    system = context.section("system")
    known = {name.lower() for name in system.roles} if system else set()
    for index, issue in enumerate(matrix):
        for number, contact in enumerate(issue.contacts):
            if contact.lower() not in known:
                there = ", ".join(sorted(known)) or "none"
                yield Finding(
                    (index, "contacts", number),
                    f"{contact!r} is no role of system.roles (there: {there}); map it there",
                )


def _blanks(system: System) -> Iterator[str]:
    for role in roles_without_person(system):
        yield f"the role {role} has no person"


ESCALATION_MATRIX: Section[list[IssueType]] = setting(
    "escalation_matrix", list[IssueType], order=23, check=_check, blanks=_blanks
)
