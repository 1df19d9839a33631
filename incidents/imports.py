"""Rows of tables that people bring in: by the same services and transitions as everything else.

A column that names a state asks for the one step that leads there. What that step demands and who may take it is for
the state machine to say, so that an import can never set a state that the person could not set by hand.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.access.models import User
from config.casework.access.services import operator_organization
from config.casework.cases.changes import change_case
from config.casework.catalogue.models import Organization, System
from config.casework.transitions import Machine, apply
from incidents.models import ActionItem, Incident, Severity
from incidents.reviews.actions import add_action_item, change_action_item
from incidents.reviews.choices import ActionKind
from incidents.services import open_incident

INCIDENT_COLUMNS = (
    "reference", "system", "title", "description", "severity", "scope", "organization", "owner", "impacts_hiring",
    "data_loss_risk", "state", "cause", "fix_reference", "no_mitigation_reason", "no_communication_reason",
)  # fmt: skip
INCIDENT_FACTS = ("received_at", "acknowledged_at", "impact_over_at", "resolved_at", "closed_at")
ACTION_COLUMNS = ("id", "incident", "kind", "text", "owner", "due_on", "state", "outcome")
STEP_COLUMNS = (
    "severity", "scope", "impacts_hiring", "data_loss_risk", "cause", "fix_reference", "no_mitigation_reason",
    "no_communication_reason",
)  # fmt: skip
WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


def import_incident(row: Mapping[str, Any], *, actor: User) -> tuple[Incident, bool]:
    """Open the incident a row describes, or change the one it names.

    Returns:
        the incident, and whether it is new.
    Raises:
        ValidationError: keyed by column.
        Refused: the state machine says no.
        PermissionDenied: the person may not.
    """
    given = {name: str(value).strip() for name, value in row.items() if value is not None}
    if given.get("reference"):
        return _change_incident(given, actor), False
    if given.get("state", "detected") not in ("", "detected"):
        raise ValidationError({"state": _("A new incident is detected. Import further steps once it has a reference.")})
    if filled := [name for name in INCIDENT_FACTS if given.get(name)]:
        raise ValidationError({filled[0]: _("Times are recorded by steps. Leave it empty.")})
    system = System.objects.filter(key=given.get("system", "")).first()
    if system is None:
        raise ValidationError({"system": _("There is no such system.")})
    incident = open_incident(
        system,
        title=_needed(given, "title"),
        description=given.get("description", ""),
        scope=given.get("scope", ""),
        severity=_severity(system, given.get("severity", "")),
        organization=_organization(given.get("organization", "")),
        impacts_hiring=_truth(given, "impacts_hiring"),
        data_loss_risk=_truth(given, "data_loss_risk"),
        actor=actor,
        at=clock.now(),
    )
    owner = _person(given.get("owner", ""))
    if owner is not None and owner != incident.owner:
        change_case(incident, actor=actor, at=clock.now(), owner=owner)
    return incident, True


def _change_incident(given: Mapping[str, str], actor: User) -> Incident:
    incident: Incident | None = (
        Incident.objects.visible_to(actor)
        .select_related("system", "severity", "owner", "organization")
        .filter(reference=given["reference"].upper())
        .first()
    )
    if incident is None:
        raise ValidationError({"reference": _("There is no such incident.")})
    fixed = {"system": incident.system.key, "organization": incident.organization.key} | {
        name: moment.isoformat(timespec="seconds") if (moment := getattr(incident, name)) else ""
        for name in INCIDENT_FACTS
    }
    for name, present in fixed.items():
        if given.get(name) and given[name] != present:
            raise ValidationError({name: _("This column is not changed by an import. Leave it as it was exported.")})
    changes: dict[str, Any] = {name: given[name] for name in ("title", "description") if name in given}
    if "title" in changes and not changes["title"]:
        raise ValidationError({"title": _("This is needed.")})
    if given.get("owner"):
        changes["owner"] = _person(given["owner"])
    step = step_to(Incident.MACHINE, incident, given.get("state", ""))
    values = _step_values(incident, given)
    if step is None:
        if {"severity", "scope", "impacts_hiring", "data_loss_risk"} & values.keys():
            step = "reclassify"
        changes |= {name: values[name] for name in ("cause", "fix_reference") if name in values}
        changes |= {
            name: values[name]
            for name in ("scope", "impacts_hiring", "data_loss_risk")
            if name in values and step is None
        }
    change_case(incident, actor=actor, at=clock.now(), **changes)
    if step is not None:
        transition = Incident.MACHINE.transitions[step]
        taken = {name: value for name, value in values.items() if name in (*transition.fields, *transition.optional)}
        apply(incident, step, actor=actor, **taken)
    return incident


def _step_values(incident: Incident, given: Mapping[str, str]) -> dict[str, Any]:
    """What a row says about columns that steps own, as far as it differs from the incident."""
    said: dict[str, Any] = {}
    for name in STEP_COLUMNS:
        if name not in given:
            continue
        value: Any = given[name]
        if name == "severity":
            value = _severity(incident.system, value)
        elif name in ("impacts_hiring", "data_loss_risk"):
            value = _truth(given, name)
        if value not in (None, "") and value != getattr(incident, name):
            said[name] = value
    return said


def import_action_item(row: Mapping[str, Any], *, actor: User) -> tuple[ActionItem, bool]:
    """Note the action item a row describes, or change the one it names.

    Raises:
        ValidationError: keyed by column.
        Refused: the state machine says no.
        PermissionDenied: the person may not.
    """
    given = {name: str(value).strip() for name, value in row.items() if value is not None}
    values: dict[str, Any] = {
        "text": given.get("text") or None,
        "owner": _person(given.get("owner", "")),
        "due_on": _day(given.get("due_on", "")),
        "kind": _kind(given.get("kind", "")),
    }
    if given.get("id"):
        return _change_item(given, values, actor), False
    if given.get("state", "open") not in ("", "open"):
        raise ValidationError({"state": _("A new item is open. Import its end once it has a number.")})
    incident = Incident.objects.visible_to(actor).filter(reference=given.get("incident", "").upper()).first()
    if incident is None:
        raise ValidationError({"incident": _("There is no such incident.")})
    if missing := [name for name, value in values.items() if value is None]:
        raise ValidationError({name: _("This is needed.") for name in missing})
    return add_action_item(incident, actor=actor, at=clock.now(), **values), True


def _change_item(given: Mapping[str, str], values: Mapping[str, Any], actor: User) -> ActionItem:
    found = ActionItem.objects.visible_to(actor).select_related("incident", "owner")
    item: ActionItem | None = found.filter(pk=int(given["id"])).first() if given["id"].isdecimal() else None
    if item is None:
        raise ValidationError({"id": _("There is no such action item.")})
    if given.get("incident") and given["incident"].upper() != item.incident.reference:
        raise ValidationError({"incident": _("An item stays with its incident.")})
    step = step_to(ActionItem.MACHINE, item, given.get("state", ""))
    if step == "reopen":
        apply(item, step, actor=actor)
        step = None
    differing = {name: value for name, value in values.items() if value is not None and getattr(item, name) != value}
    change_action_item(item, actor=actor, at=clock.now(), **differing)
    if step is not None:
        outcome: dict[str, Any] = {"outcome": given["outcome"]} if given.get("outcome") else {}
        apply(item, step, actor=actor, **outcome)
    return item


def step_to(machine: Machine[Any], obj: Any, wanted: str) -> str | None:
    """The step that leads from the present state to the wanted one; None when it is there, or nothing is said.

    Raises:
        ValidationError: there is no such state, or no single step leads there.
    """
    present = machine.state(obj)
    if wanted in ("", present):
        return None
    if wanted not in machine.states.values:
        raise ValidationError(
            {
                "state": _("There is no such state. Choose one of: %(states)s.")
                % {"states": ", ".join(machine.states.values)}
            }
        )
    for name, transition in machine:
        if transition.target == wanted and present in transition.sources:
            return name
    raise ValidationError(
        {"state": _("No step leads from “%(present)s” to “%(wanted)s”.") % {"present": present, "wanted": wanted}}
    )


def _needed(given: Mapping[str, str], name: str) -> str:
    if not given.get(name):
        raise ValidationError({name: _("This is needed.")})
    return given[name]


def _severity(system: System, key: str) -> Severity | None:
    if not key:
        return None
    found = Severity.objects.filter(system=system, key=key).select_related("system__calendar").first()
    if found is None:
        raise ValidationError({"severity": _("This system has no such severity.")})
    return found


def _organization(key: str) -> Organization:
    found = Organization.objects.filter(key=key).first() if key else operator_organization()
    if found is None:
        raise ValidationError({"organization": _("There is no such organisation.")})
    return found


def _person(address: str) -> User | None:
    if not address:
        return None
    found = User.objects.filter(email=address.lower(), is_staff=True, is_active=True).first()
    if found is None:
        raise ValidationError({"owner": _("Nobody at the desk has this address.")})
    return found


def _truth(given: Mapping[str, str], name: str) -> bool:
    word = given.get(name, "").lower()
    if word not in WORDS:
        raise ValidationError({name: _("Write yes or no.")})
    return WORDS[word]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ValidationError({"due_on": _("Write the day as 2026-03-31.")}) from error


def _kind(text: str) -> str | None:
    if text and text not in ActionKind.values:
        raise ValidationError({"kind": _("Choose one of: %(kinds)s.") % {"kinds": ", ".join(ActionKind.values)}})
    return text or None
