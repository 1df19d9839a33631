"""Typed makers of assessments for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from config.casework.catalogue.models import System
from config.casework.events import subscribe
from disputes.assessments.events import StandingChanged
from disputes.assessments.models import Assessment
from disputes.assessments.services import put_assessment
from disputes.assessments.snapshots import Snapshot
from tests import factories

LABEL = "heavy assistance suspected"
_numbers = count(1)
_heard: list[StandingChanged] = []


def snapshot(at: datetime, **fields: Any) -> Snapshot:
    """A snapshot taken an hour before `at`."""
    values: dict[str, Any] = {
        "candidate_ref": "cand-1",
        "label": LABEL,
        "confidence": 0.91,
        "reason_codes": ("paste_burst",),
        "telemetry": {"expected": 100, "received": 100, "gaps": []},
        "model_version": "m-1",
        "rules_version": "r-1",
        "assessed_at": at - timedelta(hours=1),
    }
    return Snapshot(**values | fields)


def assessment(at: datetime, *, system: System | None = None, external_id: str = "", **fields: Any) -> Assessment:
    """An assessment whose candidate was told, unless `informed_at` says otherwise."""
    fields = {"informed_at": at} | fields
    made = put_assessment(
        system or factories.system(),
        external_id or f"a-{next(_numbers)}",
        snapshot(at, **fields),
        actor=None,
        at=at,
    )
    return made.assessment


def _hear(event: StandingChanged) -> None:
    _heard.append(event)


@contextmanager
def heard_standings() -> Iterator[list[StandingChanged]]:
    """What was published about standings inside the block."""
    subscribe(StandingChanged, _hear)
    _heard.clear()
    yield _heard
