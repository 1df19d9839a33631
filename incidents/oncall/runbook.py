"""The section of a runbook file that says which desk role holds each part of the on-call duty (INC-04)."""

from config.casework.catalogue.fields import RunbookModel
from config.casework.catalogue.models import System
from config.casework.catalogue.rows import sync
from config.casework.catalogue.runbook import DeskRole
from config.casework.catalogue.sections import Changes, Context, Section, register
from incidents.oncall.choices import OnCallPart
from incidents.oncall.models import OnCallRole


class OnCallParts(RunbookModel):
    """Each part of the duty, and the desk role whose person takes it until somebody is named."""

    primary: DeskRole
    secondary: DeskRole


def _load(system: System, parts: OnCallParts, context: Context) -> Changes:
    wanted = {part: {"held_by": role} for part, role in parts.model_dump().items()}
    return sync(OnCallRole.objects.filter(system=system), wanted, by="part", make=OnCallRole, system=system)


def _export(system: System) -> OnCallParts | None:
    held = dict(OnCallRole.objects.filter(system=system).values_list("part", "held_by"))
    return ONCALL_ROLES.adapter.validate_python(held) if held.keys() == set(OnCallPart.values) else None


def _names(parts: OnCallParts) -> list[str]:
    return list(OnCallPart.values)


ONCALL_ROLES: Section[OnCallParts] = register(
    Section(key="oncall_roles", schema=OnCallParts, load=_load, export=_export, names=_names, order=26)
)
