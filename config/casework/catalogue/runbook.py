"""The sections of a runbook file that the base owns: the system itself and its business calendars."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from config.casework.access.choices import Role
from config.casework.catalogue.fields import ClockTime, Day, Key, Line, RunbookModel, Text, Zone
from config.casework.catalogue.models import Calendar, System
from config.casework.catalogue.rows import assign, sync
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register

type Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ROLES = frozenset(role.value for role in Role)


def _known_role(name: str) -> str:
    if name not in ROLES:
        raise ValueError(f"{name!r} is no role of the desk; roles are {', '.join(sorted(ROLES))}")
    return name


DeskRole = Annotated[str, AfterValidator(_known_role)]
SystemKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class Contact(RunbookModel):
    """Who is to be reached for what; with neither a role nor a value it is blank, and the readiness check says so (INC-35)."""

    key: Key
    name: Line
    kind: Literal["person", "phone", "email", "chat", "pager", "url", "tracker"] = "person"
    role: DeskRole | None = None
    value: str = Field(default="", max_length=300)
    note: Line | None = None


class Link(RunbookModel):
    """A place to look something up, or a title where the source names no address; literature carries a trust grade (INC-93)."""

    label: Line
    url: str = Field(default="", max_length=500)
    kind: Literal["service", "document", "literature", "channel"] = "document"
    trust: Literal["high", "medium", "low"] | None = None


class SystemPart(RunbookModel):
    """What the desk knows of a system as a whole (INC-01)."""

    key: SystemKey
    name: Line
    public_name: Line
    zone: Zone
    version: Line
    description: Text
    sources: list[Line] = []
    calendar: Key
    job_labels: list[Line] = []
    contacts: list[Contact] = []
    links: list[Link] = []
    roles: dict[Line, DeskRole] = {}


class CalendarPart(RunbookModel):
    """Open hours in wall-clock time of a zone; a day not named is closed (INC-28, R-41)."""

    key: Key
    name: Line
    zone: Zone
    hours: dict[Weekday, list[Annotated[list[ClockTime], Field(min_length=2, max_length=2)]]]
    holidays: str = Field(default="", max_length=12)
    closed_days: list[Day] = []

    @model_validator(mode="after")
    def _can_count(self) -> "CalendarPart":
        self.row().business()
        return self

    def row(self) -> Calendar:
        return Calendar(**self.values())

    def values(self) -> dict[str, object]:
        """The fields of the row, as they are stored."""
        return {
            "key": self.key,
            "name": self.name,
            "zone": self.zone,
            "hours": self.hours,
            "holidays": self.holidays,
            "closed_days": [day.isoformat() for day in self.closed_days],
        }


def is_blank(contact: Mapping[str, Any]) -> bool:
    """Whether a contact names neither a desk role nor a way to be reached."""
    return not contact.get("role") and not contact.get("value")


def _blank_contacts(system: System) -> Iterator[str]:
    for contact in system.contacts:
        if is_blank(contact):
            yield f"the contact {contact['name']} is blank"
    for link in system.links:
        if link.get("kind") == "service" and not link.get("url"):
            yield f"the service {link['label']} has no address"


def _check_system(part: SystemPart, context: Context) -> Iterator[Finding]:
    yield from context.unknown(part.calendar, section="calendars", location=("calendar",))


def _load_system(system: System, part: SystemPart, context: Context) -> Changes:
    plain = SYSTEM.dump(part)
    values = {
        name: getattr(part, name) for name in ("name", "public_name", "zone", "version", "description", "job_labels")
    }
    values |= {"contacts": plain.get("contacts", []), "links": plain.get("links", [])}
    values["settings"] = system.settings | {"sources": part.sources, "roles": part.roles}
    return assign(system, values)


def _export_system(system: System) -> SystemPart:
    return SystemPart(
        key=system.key,
        name=system.name,
        public_name=system.public_name or system.name,
        zone=system.zone,
        version=system.version or "0",
        description=system.description or system.name,
        sources=system.setting("sources", []),
        calendar=system.calendar.key if system.calendar else "none",
        job_labels=system.job_labels,
        contacts=[Contact.model_validate(contact) for contact in system.contacts],
        links=[Link.model_validate(link) for link in system.links],
        roles=system.setting("roles", {}),
    )


def _check_calendars(parts: list[CalendarPart], context: Context) -> Iterable[Finding]:
    system = context.section("system")
    for index, part in enumerate(parts):
        if system is not None and not part.key.startswith(f"{system.key}-"):
            yield Finding(
                (index, "key"), f"must start with {system.key}- because all systems share the list of calendars"
            )


def _calendars(system: System) -> QuerySet[Calendar]:
    """The calendars that the file of a system owns: those named after it."""
    others = System.objects.filter(key__startswith=f"{system.key}-").values_list("key", flat=True)
    owned = Calendar.objects.filter(key__startswith=f"{system.key}-")
    for other in others:
        owned = owned.exclude(key__startswith=f"{other}-")
    return owned


def _load_calendars(system: System, parts: list[CalendarPart], context: Context) -> Changes:
    existing = {row.key: row for row in _calendars(system)}
    wanted = {part.key: part.values() for part in parts}
    kept = [row for key, row in existing.items() if key in wanted]
    changes = sync(kept, wanted, by="key", make=Calendar)
    changes += assign(system, {"calendar": Calendar.objects.get(key=context.section("system").calendar)})
    return changes + sync([row for key, row in existing.items() if key not in wanted], {}, by="key", make=Calendar)


def _export_calendars(system: System) -> list[CalendarPart] | None:
    return [
        CalendarPart(
            key=row.key,
            name=row.name,
            zone=row.zone,
            hours=row.hours,
            holidays=row.holidays,
            closed_days=row.closed_days,
        )
        for row in _calendars(system)
    ] or None


SYSTEM: Section[SystemPart] = register(
    Section(
        key="system",
        schema=SystemPart,
        load=_load_system,
        export=_export_system,
        check=_check_system,
        order=0,
        required=True,
        blanks=_blank_contacts,
    )
)
CALENDARS: Section[list[CalendarPart]] = register(
    Section(
        key="calendars",
        schema=list[CalendarPart],
        load=_load_calendars,
        export=_export_calendars,
        check=_check_calendars,
        order=10,
        required=True,
        shared=True,
    )
)
