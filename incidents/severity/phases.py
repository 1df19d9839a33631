"""The phases of a level's procedure: marks after the start, ended by facts of the incident (INC-25).

A mark that runs out is shown and noted; it is no broken promise, so it escalates to nobody.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from config.casework.choices import Tone
from config.casework.deadlines import services as deadlines
from config.casework.deadlines.models import Deadline
from config.casework.desk.clocks import spoken
from incidents.severity.models import Severity

if TYPE_CHECKING:
    from incidents.models import Incident

PREFIX = "phase_"


def kind_of(phase: dict[str, Any]) -> str:
    return f"{PREFIX}{phase['key']}"


def follow(incident: "Incident", level: Severity | None, *, begun: datetime, at: datetime) -> None:
    """Bring the clocks of the phases in line with the level and the facts, whatever happened before.

    Args:
        begun: aware instant from which the marks count.
    """
    marked = {kind_of(phase): phase for phase in (level.phases if level else []) if phase["until"]}
    rows = {row.kind: row for row in Deadline.objects.of(incident).filter(kind__startswith=PREFIX, cancelled_at=None)}
    for kind, phase in marked.items():
        fact = fact_of(incident, phase["met_by"])
        fact = fact if fact is None or fact >= begun else None  # it belongs to an earlier round
        row = rows.pop(kind, None)
        if row is not None and row.met_at is not None and (fact is None or row.started_at != begun):
            deadlines.unmeet(row)
        if row is None or row.started_at != begun or row.span != phase["until"]:
            deadlines.start(incident, kind, at=begun, span=phase["until"])
        if fact is not None:
            _end(incident, kind, fact)
    stale = [kind for kind, row in rows.items() if row.is_open]
    if stale:
        deadlines.cancel(incident, at=at, kinds=stale)


def fact_of(incident: "Incident", name: str) -> datetime | None:
    """When a phase ended: with its own fact, or with the resolution, which settles all before it."""
    own = {
        "acknowledged": [incident.acknowledged_at, incident.resolved_at],
        "triaged": [incident.triaged_at, incident.resolved_at],
        "stabilized": [incident.stabilized_at, incident.impact_over_at, incident.resolved_at],
        "resolved": [incident.resolved_at],
        "closed": [incident.closed_at],
    }[name]
    known = [fact for fact in own if fact is not None]
    return min(known) if known else None


def _end(incident: "Incident", kind: str, fact: datetime) -> None:
    row = Deadline.objects.open().of(incident).filter(kind=kind).first()
    if row is None:
        return
    deadlines.meet(incident, kind, at=max(fact, row.started_at))
    row.refresh_from_db()
    if row.breached_at is None and row.is_late(fact):
        deadlines.miss(row, at=fact)
    elif row.breached_at is not None and not row.is_late(fact):
        Deadline.objects.filter(pk=row.pk).update(breached_at=None)


@dataclass(frozen=True)
class SpokenPhase:
    """One phase as the page draws it."""

    name: str
    words: str
    tone: str
    due_at: datetime | None = None


def spoken_phases(incident: "Incident", level: Severity | None, now: datetime) -> list[SpokenPhase]:
    """All phases of the incident's procedure with their marks, for its page; none when the level has no procedure."""
    if level is None or not level.phases:
        return []
    rows = {row.kind: row for row in Deadline.objects.of(incident).filter(kind__startswith=PREFIX, cancelled_at=None)}
    return [_spoken(incident, phase, rows.get(kind_of(phase)), now) for phase in level.phases]


def _spoken(incident: "Incident", phase: dict[str, Any], row: Deadline | None, now: datetime) -> SpokenPhase:
    if row is not None:
        said = spoken(row, now, explained=False)
        words = said.words.removeprefix(said.act).lstrip(": ")
        return SpokenPhase(phase["name"], words, said.tone, row.due_at)
    fact = fact_of(incident, phase["met_by"])
    if fact is not None:
        return SpokenPhase(phase["name"], _("done"), str(Tone.OK))
    return SpokenPhase(phase["name"], _("open"), str(Tone.NEUTRAL))
