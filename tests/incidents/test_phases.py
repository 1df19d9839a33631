"""The phases of the QA Auditor's P1 procedure: marks at 5, 15 and 30 minutes that turn overdue (INC-25, SC-30)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import apply
from config.casework.work.services import tick
from incidents.models import Incident
from incidents.services import open_incident
from incidents.severity.phases import spoken_phases
from tests.incidents.conftest import level

MINUTE = timedelta(minutes=1)
FILE = settings.BASE_DIR / "config" / "runbooks" / "qa-auditor.yaml"


@pytest.fixture
def auditor(db: None, now: datetime) -> System:
    load([FILE], at=now)
    return System.objects.get(key="qa-auditor")


@pytest.fixture
def outage(auditor: System, lead: User, chief: User, now: datetime) -> Incident:
    return open_incident(auditor, title="Nothing answers", actor=None, at=now, severity=level(auditor, "P1"))


def marks(incident: Incident) -> dict[str, Deadline]:
    rows = Deadline.objects.of(incident).filter(kind__startswith="phase_", cancelled_at=None)
    return {row.kind.removeprefix("phase_"): row for row in rows}


def overdue(incident: Incident) -> set[str]:
    return {key for key, row in marks(incident).items() if row.breached_at is not None}


def step(incident: Incident, name: str, actor: User, at: datetime, **values: Any) -> None:
    with clock.at(at):
        apply(Incident.objects.get(pk=incident.pk), name, actor=actor, **values)


class TestMarks:
    def test_they_stand_at_5_15_and_30_minutes(self, outage: Incident, now: datetime) -> None:
        due = {key: row.due_at for key, row in marks(outage).items()}
        assert due == {"acknowledge": now + 5 * MINUTE, "assess": now + 15 * MINUTE, "mitigate": now + 30 * MINUTE}

    def test_each_turns_overdue_by_the_tick_after_it(self, outage: Incident, now: datetime) -> None:
        seen = {}
        for minute in (5, 6, 15, 16, 30, 31):
            tick(now + minute * MINUTE)
            seen[minute] = overdue(outage)
        assert seen == {
            5: set(),
            6: {"acknowledge"},
            15: {"acknowledge"},
            16: {"acknowledge", "assess"},
            30: {"acknowledge", "assess"},
            31: {"acknowledge", "assess", "mitigate"},
        }

    def test_an_overdue_phase_is_noted_once_and_escalates_to_nobody(self, outage: Incident, now: datetime) -> None:
        tick(now + 6 * MINUTE)
        tick(now + 7 * MINUTE)
        notes = AuditEntry.objects.filter(case_reference=outage.reference, action="phase.overdue")
        assert [note.detail for note in notes] == [{"phase": "phase_acknowledge"}]
        assert not outage.escalations.exists()

    def test_facts_end_them_in_time(self, outage: Incident, lead: User, now: datetime) -> None:
        step(outage, "acknowledge", lead, now + 4 * MINUTE)
        step(outage, "triage", lead, now + 14 * MINUTE, severity=outage.severity, scope="all")
        step(outage, "impact_over", lead, now + 29 * MINUTE)
        tick(now + 60 * MINUTE)
        assert overdue(outage) == set()
        assert [row.met_at for row in marks(outage).values()] == [now + m * MINUTE for m in (4, 14, 29)]

    def test_a_resolve_ends_all_and_a_late_one_is_late_though_no_sweep_saw_it(
        self, outage: Incident, lead: User, now: datetime
    ) -> None:
        step(outage, "resolve", lead, now + 20 * MINUTE)
        assert overdue(outage) == {"acknowledge", "assess"}
        assert all(row.met_at == now + 20 * MINUTE for row in marks(outage).values())

    def test_a_true_time_told_later_takes_the_mark_back(self, outage: Incident, lead: User, now: datetime) -> None:
        tick(now + 31 * MINUTE)
        with clock.at(now + 40 * MINUTE):
            apply(Incident.objects.get(pk=outage.pk), "impact_over", actor=lead, at=now + 25 * MINUTE)
        assert overdue(outage) == {"acknowledge", "assess"}

    def test_a_lapsed_word_opens_the_phase_again(self, outage: Incident, lead: User, now: datetime) -> None:
        step(outage, "acknowledge", lead, now + MINUTE, acknowledgement_provisional=True)
        assert marks(outage)["acknowledge"].met_at == now + MINUTE
        tick(now + 17 * MINUTE)
        assert marks(outage)["acknowledge"].met_at is None
        assert "acknowledge" in overdue(outage)

    def test_another_level_has_none_and_back_they_count_from_the_detection(
        self, outage: Incident, auditor: System, lead: User, now: datetime
    ) -> None:
        step(outage, "triage", lead, now + MINUTE, severity=level(auditor, "P2"), scope="some")
        assert marks(outage) == {}
        step(outage, "reclassify", lead, now + 2 * MINUTE, severity=level(auditor, "P1"), scope="all")
        assert marks(outage)["mitigate"].due_at == now + 30 * MINUTE

    def test_a_recurrence_begins_anew(self, outage: Incident, lead: User, now: datetime) -> None:
        step(outage, "triage", lead, now + MINUTE, severity=outage.severity, scope="all")
        step(outage, "resolve", lead, now + 10 * MINUTE)
        step(outage, "reopen", lead, now + 60 * MINUTE)
        found = marks(outage)
        assert [row.met_at for row in found.values()] == [None, None, None]
        assert found["assess"].due_at == now + 75 * MINUTE


class TestWords:
    def test_all_five_are_shown_with_their_marks(self, outage: Incident, now: datetime) -> None:
        tick(now + 6 * MINUTE)
        said = spoken_phases(outage, outage.severity, now + 6 * MINUTE)
        assert [phase.name for phase in said] == ["Acknowledge", "Assess", "Mitigate", "Resolve", "Post-incident"]
        assert [phase.tone for phase in said] == ["danger", "info", "info", "neutral", "neutral"]

    def test_other_levels_show_none(self, auditor: System, now: datetime) -> None:
        minor = open_incident(auditor, title="A typo", actor=None, at=now, severity=level(auditor, "P4"))
        assert spoken_phases(minor, minor.severity, now) == []
