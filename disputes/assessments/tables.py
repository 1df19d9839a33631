"""Rows of a CSV or JSON table read as snapshots; the checks are those of the API."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from pydantic_core import PydanticCustomError

from config.casework.api.schemas import is_fit, read_moment
from config.casework.catalogue.models import System
from disputes.assessments.models import Assessment
from disputes.assessments.snapshots import Snapshot

COLUMNS = (
    "system",
    "external_id",
    "candidate_ref",
    "label",
    "confidence",
    "reason_codes",
    "telemetry_expected",
    "telemetry_received",
    "telemetry_gaps",
    "model_version",
    "rules_version",
    "assessed_at",
    "assessed_by",
    "organization",
    "job",
    "recipients",
    "candidate_email",
    "candidate_locale",
    "candidate_informed_at",
    "decision_due_at",
)
SEPARATOR = ";"


class Row:
    """The cells of one line; reading one that is wrong notes it and goes on, so that all are told at once."""

    def __init__(self, cells: Mapping[str, Any]) -> None:
        self.cells = cells
        self.errors: dict[str, str] = {}

    def text(self, name: str) -> str:
        value = self.cells.get(name)
        text = "" if value is None else str(value).strip()
        if not is_fit(text):
            self.errors[name] = _("This text holds characters that cannot be kept.")
            return ""
        return text

    def number(self, name: str) -> float:
        try:
            value = float(self.text(name))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.errors[name] = _("This is no number.")
            return 0.0
        return value

    def count(self, name: str) -> int | None:
        text = self.text(name)
        if not text:
            return None
        if not text.isdecimal() or len(text) > 12:
            self.errors[name] = _("This is a number of events, 0 or more.")
            return None
        return int(text)

    def moment(self, name: str, *, needed: bool = False) -> datetime | None:
        text = self.text(name)
        if not text and not needed:
            return None
        try:
            moment: datetime = read_moment(text)
        except PydanticCustomError as error:
            self.errors[name] = error.message()
            return None
        return moment

    def texts(self, name: str) -> tuple[str, ...]:
        """Values between semicolons, or a list where the format has lists."""
        value = self.cells.get(name)
        parts = value if isinstance(value, list) else self.text(name).split(SEPARATOR)
        return tuple(part for item in parts if (part := str(item).strip()))

    def json_list(self, name: str) -> list[Any]:
        value = self.cells.get(name)
        if isinstance(value, list):
            return value
        text = self.text(name)
        try:
            found = json.loads(text) if text else []
        except ValueError:
            found = None
        if not isinstance(found, list):
            self.errors[name] = _("Write a list as JSON, such as [].")
            return []
        return found

    def refuse(self) -> None:
        """Raise what was found wrong, by column."""
        if self.errors:
            raise ValidationError(self.errors)


def read_snapshot(cells: Mapping[str, Any]) -> tuple[System, str, Snapshot]:
    """One line as the API would have got it.

    Raises:
        ValidationError: keyed by column.
    """
    row = Row(cells)
    system = System.objects.filter(key=row.text("system")).first()
    if system is None:
        row.errors["system"] = _("There is no such system.")
    external_id = row.text("external_id")
    if not external_id or len(external_id) > 120 or "/" in external_id:
        row.errors["external_id"] = _("Give 1 to 120 characters, no slash.")
    assessed_at = row.moment("assessed_at", needed=True)
    counts = {"expected": row.count("telemetry_expected"), "received": row.count("telemetry_received")}
    telemetry: dict[str, Any] = {name: count for name, count in counts.items() if count is not None}
    telemetry["gaps"] = row.json_list("telemetry_gaps")
    values: dict[str, Any] = {
        "candidate_ref": row.text("candidate_ref"),
        "label": row.text("label"),
        "confidence": row.number("confidence"),
        "reason_codes": row.texts("reason_codes"),
        "telemetry": telemetry,
        "model_version": row.text("model_version"),
        "rules_version": row.text("rules_version"),
        "assessed_by": row.text("assessed_by"),
        "organization": row.text("organization"),
        "job_ref": row.text("job"),
        "recipients": row.texts("recipients") if row.text("recipients") else None,
        "email": row.text("candidate_email") or None,
        "locale": row.text("candidate_locale") or None,
        "informed_at": row.moment("candidate_informed_at"),
        "decision_due_at": row.moment("decision_due_at"),
    }
    row.refuse()
    assert system is not None
    assert assessed_at is not None
    return system, external_id, Snapshot(assessed_at=assessed_at, **values)


def find_named(name: str) -> Assessment:
    """The assessment called <system>/<external_id>.

    Raises:
        ValidationError: there is none.
    """
    system, _slash, external_id = name.strip().partition("/")
    rows = Assessment.objects.select_related("system", "organization", "current")
    assessment: Assessment | None = rows.filter(system__key=system, external_id=external_id).first()
    if assessment is None:
        raise ValidationError({"assessment": _("There is no such assessment.")})
    return assessment
