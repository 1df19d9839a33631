"""Monitors as rows: what the runbook says, kept where alerts find it."""

from collections.abc import Mapping
from typing import Any

from config.casework.catalogue.models import System
from config.casework.catalogue.rows import sync
from config.casework.catalogue.sections import Changes
from integrations.signals.models import Monitor

TITLE_LENGTH = 200


def load(system: System, specs: list[Mapping[str, Any]]) -> Changes:
    """Make the monitors of a system exactly those of its runbook.

    Args:
        specs: rows of the section as plain data.
    """
    wanted = {spec["id"]: _values(spec) for spec in specs}
    return sync(system.monitors.all(), wanted, by="key", make=Monitor, system=system)


def _values(spec: Mapping[str, Any]) -> dict[str, Any]:
    condition = f"{spec['metric']} {spec['comparison']} {spec['threshold']}"
    return {
        "title": str(spec.get("note") or condition)[:TITLE_LENGTH],
        "metric": spec["metric"],
        "severity": spec.get("severity") or "",
        "page": spec.get("page") or "",
        "playbook": spec.get("playbook") or "",
        "spec": dict(spec),
    }
