"""The paging policy of a level as people write it: one step a line."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from pydantic import ValidationError as SchemaError

from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.runbook import ROLES
from incidents.oncall.models import OnCallRole
from incidents.paging.runbook import (
    KINDS,
    PagingPolicy,
    PagingStep,
    order_findings,
    person_at,
    policy_of,
    policy_values,
)
from incidents.severity.choices import Paging
from incidents.severity.models import Severity

IN_HOURS = "in business hours"


def as_lines(level: Severity) -> str:
    """The steps of a level, one a line: "PT0S primary", "PT15M person chief@example.com in business hours"."""
    lines = []
    for step in policy_of(level)["steps"]:
        kind = next(kind for kind in KINDS if kind in step)
        said = [step["after"], *([] if kind == "to" else [kind]), str(step[kind])]
        lines.append(" ".join([*said, IN_HOURS] if step.get("hours") == Paging.BUSINESS_HOURS else said))
    return "\n".join(lines)


def set_policy(
    level: Severity, *, lines: str, repeat: int, every: str, lasts: str, paging: str, actor: User, at: datetime
) -> Severity:
    """Give a level another paging policy; incidents under way keep the one they began with (INC-29, INC-32).

    Args:
        lines: as `as_lines` writes them.
        every, lasts: ISO 8601 durations; `lasts` may be empty.
    Raises:
        ValidationError: keyed by field, naming the line.
        PermissionDenied: the actor may not change severities.
    """
    require(actor, "incidents.change_severity")
    steps = [_read(number, line, level) for number, line in enumerate(lines.splitlines(), 1) if line.strip()]
    if not steps and paging != Paging.NEVER:
        raise ValidationError({"steps": _("A level that pages needs at least one step.")})
    for (number, _key), why in order_findings(steps):
        raise ValidationError({"steps": _("Step %(number)s: %(why)s.") % {"number": number + 1, "why": why}})
    policy = _policy(level, steps, repeat=repeat, every=every, lasts=lasts) if steps else None
    with transaction.atomic():
        row = Severity.objects.select_for_update(of=("self",)).get(pk=level.pk)
        values = policy_values(policy) | {"paging": paging}
        changed = sorted(name for name, value in values.items() if getattr(row, name) != value)
        if changed:
            for name in changed:
                setattr(row, name, values[name])
            row.save(update_fields=changed)
            record(row, "severity.paging_changed", actor=actor, at=at, fields=changed)
    level.refresh_from_db()
    return level


def _policy(level: Severity, steps: list[PagingStep], *, repeat: int, every: str, lasts: str) -> PagingPolicy:
    try:
        return PagingPolicy.model_validate(
            {
                "severity": level.key,
                "steps": steps,
                "repeat": repeat,
                "every": every,
                "acknowledgement_lasts": lasts or None,
            }
        )
    except SchemaError as error:
        names = {"repeat": "repeat", "every": "every", "acknowledgement_lasts": "lasts"}
        raise ValidationError(
            {names.get(str(found["loc"][0]), "steps"): _said(found["msg"]) for found in error.errors()}
        ) from error


def _read(number: int, line: str, level: Severity) -> PagingStep:
    text = line.strip()
    hours = "always"
    if text.endswith(IN_HOURS):
        text, hours = text.removesuffix(IN_HOURS), "business_hours"
    words = text.split()
    kind = words[1] if len(words) == 3 and words[1] in KINDS[1:] else "to"
    if len(words) != (2 if kind == "to" else 3):
        raise ValidationError({"steps": _("Line %(number)s: write it like “PT15M secondary”.") % {"number": number}})
    try:
        step = PagingStep.model_validate({"after": words[0], kind: words[-1], "hours": hours})
    except SchemaError as error:
        said = _said(error.errors()[0]["msg"])
        raise ValidationError({"steps": _("Line %(number)s: %(why)s") % {"number": number, "why": said}}) from error
    why = _unknown(step, level)
    if why:
        raise ValidationError({"steps": _("Line %(number)s: %(why)s") % {"number": number, "why": why}})
    return step


def _unknown(step: PagingStep, level: Severity) -> str:
    if step.person is not None and person_at(step.person) is None:
        return _("nobody at the desk has the address %(address)s.") % {"address": step.person}
    parts = set(OnCallRole.objects.filter(system=level.system).values_list("part", flat=True))
    if step.to is not None and step.to not in parts | ROLES:
        return _("%(name)s is neither a part of the on-call duty nor a role of the desk.") % {"name": step.to}
    return ""


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")
