"""Say what an incident is about, carry it along the escalation matrix, hand it to the desk it belongs to."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.cases.changes import change_case
from config.casework.catalogue.models import System
from config.casework.events import CaseRouted, publish
from config.casework.transitions import Refused
from incidents.choices import UNRESOLVED
from incidents.contacts import texts
from incidents.contacts.selectors import Rung, destination, issue_type, next_rung, topics
from incidents.models import Incident
from incidents.references.selectors import component_names

CHANGE = "incidents.change_incident"


@transaction.atomic
def describe(
    incident: Incident,
    *,
    actor: Actor,
    at: datetime,
    topic: str | None = None,
    issue: str | None = None,
    components: Iterable[str] | None = None,
) -> Incident:
    """Say what an incident is about; None leaves a part as it is.

    Args:
        topic: key of a scope of the system, or "scope/part" (INC-03).
        issue: key of an issue type of the system's matrix; the case begins again with its first contact (INC-34).
        components: keys of the system's components that are affected (INC-92).
    Raises:
        ValidationError: keyed by field: not of this system.
        PermissionDenied: the actor may not change this incident.
    """
    system = incident.system
    values: dict[str, Any] = {}
    if topic is not None:
        _demand("topic", [topic] if topic else [], [key for key, _name in topics(system)], system)
        values["topic"] = topic
    if components is not None:
        values["components"] = sorted(set(components))
        _demand("components", values["components"], component_names(system), system)
    if issue is not None and issue != incident.issue_type:
        if issue and issue_type(system, issue) is None:
            raise ValidationError(
                {"issue": _("%(issue)s is no issue type of %(system)s.") % {"issue": issue, "system": system}}
            )
        values |= {"issue_type": issue, "escalation_level": 1 if issue else 0}
    if values:
        change_case(incident, actor=actor, at=at, **values)
    return incident


def escalate(incident: Incident, *, actor: Actor, at: datetime, seen_level: int | None = None) -> Rung:
    """Move an incident to the next contact of its issue type; the person behind it leads from now on and is told (INC-34).

    Args:
        seen_level: the level the person saw, so that a double tap moves it once.
    Raises:
        Refused: it has no issue type, stands at the last level, is over, or moved meanwhile.
        PermissionDenied: the actor may not change this incident.
    """
    require(actor, CHANGE, incident)
    with transaction.atomic():
        row = Incident.objects.select_for_update(of=("self",)).select_related("system", "owner").get(pk=incident.pk)
        if row.state not in UNRESOLVED:
            raise Refused(_("It is over: there is nothing to escalate."))
        if not row.issue_type:
            raise Refused(_("Choose the issue type first: it says who comes next."))
        if seen_level is not None and seen_level != row.escalation_level:
            raise Refused(_("It was escalated meanwhile. Look again."))
        rung = next_rung(row)
        if rung is None:
            raise Refused(_("It stands at the last level of its issue type."))
        row.escalation_level = rung.level
        if rung.person is not None:
            row.owner = rung.person
        row.version += 1
        row.save(update_fields=["escalation_level", "owner", "version"])
        record(
            row,
            "incident.moved_up" if rung.person else "incident.moved_up_without_person",
            actor=actor,
            at=at,
            detail={"to": rung.contact, "person": str(rung.person) if rung.person else None, "level": rung.level},
        )
        if rung.person is not None:
            texts.send_moved_up(row, rung.person, contact=rung.contact, level=rung.level, at=at)
    incident.refresh_from_db()
    return rung


def promise_missed(incident: Incident, *, at: datetime) -> None:
    """A missed promise carries the case to the second contact of its issue type, once."""
    waits = incident.escalation_level == 1 and incident.state in UNRESOLVED
    if waits and next_rung(incident) is not None:
        escalate(incident, actor=None, at=at, seen_level=1)


@transaction.atomic
def route(incident: Incident, *, actor: Actor, at: datetime) -> str:
    """Hand a case to the desk its topic belongs to; that desk opens its own case and links it (INC-03).

    Returns:
        the reference of the case that was opened.
    Raises:
        Refused: its topic stays here, it was routed already, or no desk takes it.
        PermissionDenied: the actor may not change this incident.
    """
    require(actor, CHANGE, incident)
    row = Incident.objects.select_for_update(of=("self",)).select_related("system").get(pk=incident.pk)
    to = destination(row)
    if not to:
        raise Refused(_("Its topic is worked here. Choose another topic first."))
    if row.routed_to:
        raise Refused(_("It was routed already: %(reference)s.") % {"reference": row.routed_to})
    opened = [answer for answer in publish(CaseRouted(row, to, at)) if answer is not None]
    if not opened:
        raise Refused(_("No desk takes these cases yet. Work it here, or ask the CTO."))
    reference = str(opened[0].reference)
    row.routed_to = reference
    row.version += 1
    row.save(update_fields=["routed_to", "version"])
    record(row, "incident.routed", actor=actor, at=at, detail={"to": to, "reference": reference})
    incident.refresh_from_db()
    return reference


@transaction.atomic
def fill_contact(system: System, key: str, *, value: str, actor: Actor, at: datetime) -> System:
    """Write how a contact of a system is reached.

    Args:
        value: address, number, channel or link, as the contact's kind asks.
    Raises:
        ValidationError: keyed by field: no such contact, or the value does not fit its kind.
        PermissionDenied: the actor may not change systems.
    """
    require(actor, "casework.change_system")
    row = System.objects.select_for_update().get(pk=system.pk)
    contact = next((entry for entry in row.contacts if entry["key"] == key), None)
    if contact is None:
        raise ValidationError({"key": _("%(system)s has no contact %(key)s.") % {"system": system, "key": key}})
    value = value.strip()
    _fits(contact.get("kind", "person"), value)
    row.contacts = [entry if entry["key"] != key else _with_value(entry, value) for entry in row.contacts]
    row.save(update_fields=["contacts"])
    record(row, "system.contact_filled", actor=actor, at=at, fields=["contacts"], detail={"contact": key})
    return row


def _with_value(entry: dict[str, Any], value: str) -> dict[str, Any]:
    kept = {name: part for name, part in entry.items() if name != "value"}
    return kept | {"value": value} if value else kept


def _fits(kind: str, value: str) -> None:
    if len(value) > 300 or "\n" in value:
        raise ValidationError({"value": _("Write one line of at most 300 letters.")})
    try:
        if value and kind == "email":
            EmailValidator()(value)
        elif value and kind in {"url", "tracker"}:
            URLValidator(schemes=["https", "http"])(value)
    except ValidationError as error:
        raise ValidationError({"value": error.messages}) from error


def _demand(field: str, given: Iterable[str], known: Iterable[str], system: System) -> None:
    for key in given:
        if key not in set(known):
            raise ValidationError({field: _("%(key)s does not belong to %(system)s.") % {"key": key, "system": system}})
