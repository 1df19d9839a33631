"""What the runbook says about the parts of a system, its commands and its switches."""

from typing import Any

from config.casework.catalogue.models import System
from incidents.references.models import CommandReference, FeatureSwitch


def components(system: System) -> list[dict[str, Any]]:
    """The parts of a system with what they need (INC-92)."""
    rows: list[dict[str, Any]] = system.setting("components", [])
    return rows


def component_names(system: System) -> dict[str, str]:
    return {row["key"]: row["name"] for row in components(system)}


def is_on(system: System, key: str) -> bool:
    """Whether a future behaviour was switched on; one that no runbook names is off (INC-96)."""
    return FeatureSwitch.objects.filter(system=system, key=key, is_on=True).exists()


def fits_engine(command: CommandReference) -> bool:
    """Whether a command is for an engine that the system runs; without a variant it is for all (R-09)."""
    engines = {row["engine"] for row in components(command.system) if row.get("engine")}
    return not command.variant or not engines or command.variant in engines
