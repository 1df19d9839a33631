"""A runbook as a whole: its versions, and where the database differs from the file."""

from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models

from config.casework.cases.models import Case
from config.casework.catalogue.loader import Drift, compare
from config.casework.catalogue.models import System
from config.casework.versions import Version, event_models, versions_of, versions_of_rows
from incidents.procedures.models import ProcedureStep

LIMIT = 200


def file_of(system: System) -> Path:
    """Where the shipped runbook of a system lies; it need not exist."""
    return Path(settings.BASE_DIR) / "config" / "runbooks" / f"{system.key}.yaml"


def drift_of(system: System, at: datetime) -> list[tuple[str, list[Drift]]]:
    """Where the database differs from the system's file, section by section.

    Raises:
        RunbookRefused: the file is broken.
    """
    return by_section(compare([file_of(system)], at=at))


def by_section(drifts: list[Drift]) -> list[tuple[str, list[Drift]]]:
    return [(section, list(found)) for section, found in groupby(drifts, key=lambda drift: drift.section)]


def versions_behind(system: System) -> list[Version]:
    """All that changed in the runbook of a system, the newest first: its own row and every versioned row that belongs to it."""
    found = versions_of(system, LIMIT)
    for model in _models_of_a_system():
        found += versions_of_rows(model, LIMIT, system=system.pk)
    found += versions_of_rows(ProcedureStep, LIMIT, procedure__in=system.procedures.values("pk"))
    return sorted(found, key=lambda version: version.at, reverse=True)[:LIMIT]


def _models_of_a_system() -> list[type[models.Model]]:
    """The versioned models whose rows belong to a system; cases have a history of their own."""
    tracked: set[Any] = {event.pgh_tracked_model for event in event_models()}
    return sorted(
        (
            model
            for model in tracked
            if not issubclass(model, Case)
            and any(field.name == "system" and field.related_model is System for field in model._meta.concrete_fields)
        ),
        key=lambda model: model._meta.label,
    )
