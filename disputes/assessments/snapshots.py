"""A snapshot as any door hands it over, checked by one set of rules."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from config.casework import clock

AHEAD = timedelta(minutes=5)
MOST_CODES = 100
MOST_RECIPIENTS = 200
MOST_GAPS = 2_000
MEASURED = (
    "label",
    "confidence",
    "reason_codes",
    "telemetry",
    "model_version",
    "rules_version",
    "assessed_at",
    "assessed_by",
    "extra",
)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One result of a scoring system (contract.md, `PUT /api/assessments/<system>/<external_id>`).

    Attributes:
        confidence: 0 to 1.
        telemetry: {"expected", "received", "gaps"}; counts of events, and the gaps as the sender describes them.
        assessed_at: aware; never more than five minutes ahead.
        organization: key of an employer; empty: as before, or the operator.
        recipients: who gets the label; None: as before.
        email, locale: where and in which language the candidate is told; None: as before.
        informed_at: when the platform told the candidate of this label.
        decision_due_at: when the employer decides; None: as before.
        extra: whatever else the sender named.
    """

    candidate_ref: str
    label: str
    confidence: float
    model_version: str
    rules_version: str
    assessed_at: datetime
    reason_codes: tuple[str, ...] = ()
    telemetry: Mapping[str, Any] = field(default_factory=dict)
    assessed_by: str = ""
    organization: str = ""
    job_ref: str = ""
    recipients: tuple[str, ...] | None = None
    email: str | None = None
    locale: str | None = None
    informed_at: datetime | None = None
    decision_due_at: datetime | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The same measurement has the same digest, so that a repeated call adds nothing."""
        measured = {name: value for name, value in asdict(self).items() if name in MEASURED}
        return hashlib.sha256(json.dumps(measured, sort_keys=True, default=str).encode()).hexdigest()

    def check(self) -> None:
        """Refuse what cannot be kept as a measurement.

        Raises:
            ValidationError: keyed by field, all at once.
        """
        errors = dict(_text_errors(self)) | dict(_measure_errors(self)) | dict(_contact_errors(self))
        if errors:
            raise ValidationError(errors)


def _text_errors(snapshot: Snapshot) -> list[tuple[str, str]]:
    found = []
    for name, longest in (("candidate_ref", 200), ("label", 120), ("model_version", 80), ("rules_version", 80)):
        value = getattr(snapshot, name)
        if not value.strip():
            found.append((name, _("This is needed.")))
        elif len(value) > longest:
            found.append((name, _("This has at most %(most)d characters.") % {"most": longest}))
    for name, longest in (("assessed_by", 200), ("job_ref", 120), ("locale", 35)):
        if len(getattr(snapshot, name) or "") > longest:
            found.append((name, _("This has at most %(most)d characters.") % {"most": longest}))
    return found


def _measure_errors(snapshot: Snapshot) -> list[tuple[str, str]]:
    found = []
    if not 0 <= snapshot.confidence <= 1:
        found.append(("confidence", _("This is a share between 0 and 1.")))
    codes = snapshot.reason_codes
    if len(codes) > MOST_CODES or any(not code.strip() or len(code) > 80 for code in codes):
        found.append(("reason_codes", _("Give at most 100 codes of at most 80 characters.")))
    expected, received = snapshot.telemetry.get("expected"), snapshot.telemetry.get("received")
    for name, count in (("expected", expected), ("received", received)):
        if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 0):
            found.append((f"telemetry.{name}", _("This is a number of events, 0 or more.")))
    gaps = snapshot.telemetry.get("gaps", [])
    if not isinstance(gaps, list) or len(gaps) > MOST_GAPS:
        found.append(("telemetry.gaps", _("Give a list of at most 2,000 gaps.")))
    if snapshot.assessed_at > clock.now() + AHEAD:
        found.append(("assessed_at", _("This time lies more than 5 minutes in the future.")))
    return found


def _contact_errors(snapshot: Snapshot) -> list[tuple[str, str]]:
    found = []
    recipients = snapshot.recipients or ()
    if len(recipients) > MOST_RECIPIENTS or any(not who.strip() or len(who) > 200 for who in recipients):
        found.append(("recipients", _("Give at most 200 recipients of at most 200 characters.")))
    if snapshot.email:
        try:
            validate_email(snapshot.email)
        except ValidationError:
            found.append(("candidate.email", _("This is no mail address.")))
    if snapshot.informed_at and snapshot.informed_at > clock.now() + AHEAD:
        found.append(("candidate_informed_at", _("This time lies more than 5 minutes in the future.")))
    return found
