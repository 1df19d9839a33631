"""The table of an incident's steps, taken at random by all kinds of people: whatever they do, the record stays sound."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from config.casework import clock
from config.casework.access.models import User
from config.casework.approvals.services import current_approval
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import IllegalTransition, Refused, StaleState, apply
from config.casework.work.services import tick
from incidents.choices import OPEN_STATES, UNRESOLVED, Clock, IncidentState
from incidents.clocks import closing_needs
from incidents.models import Incident, Mitigation
from incidents.reviews.services import decide, start_postmortem, write_postmortem
from incidents.services import acknowledge, apply_mitigation, confirm_acknowledgements, open_incident
from incidents.severity.models import Severity
from incidents.transitions import INCIDENT, JOINT_DECISION
from tests.incidents.conftest import level
from tests.kept import rolled_back

START = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KNOWN = (Refused, PermissionDenied, ValidationError)
FIELDS: dict[str, Any] = {
    "scope": "candidates",
    "cause": "A full disk",
    "fix_reference": "r42",
    "no_mitigation_reason": "It healed by itself.",
    "no_communication_reason": "Nobody noticed.",
    "impacts_hiring": True,
    "data_loss_risk": True,
    "acknowledgement_provisional": True,
}
STEPS = sorted(INCIDENT.transitions)
USUAL_WAY = {
    IncidentState.DETECTED: "triage",
    IncidentState.TRIAGED: "stabilize",
    IncidentState.STABILIZED: "resolve",
    IncidentState.RESOLVED: "close",
}
EXAMPLES = int(os.environ.get("DESK_EXAMPLES", "25"))  # more of them are drawn at random


class Work(RuleBasedStateMachine):
    """One incident, four people, and a clock that only goes forward."""

    people: dict[str, User]
    system: System
    foreign: Severity
    seen: set[str]

    def __init__(self) -> None:
        super().__init__()
        self.frame = rolled_back()
        self.frame.__enter__()
        self.now = START
        self.firm: tuple[int | None, datetime | None, int] | None = None
        self.stale: list[Incident] = []

    def teardown(self) -> None:
        self.frame.__exit__(None, None, None)

    @initialize(severity=st.sampled_from(["", "SEV-1", "SEV-2", "SEV-3"]), begun=st.sampled_from([0, 1, 2, 3]))
    def open(self, severity: str, begun: int) -> None:
        with clock.at(self.now):
            judged = level(self.system, severity) if severity else None
            self.incident = open_incident(
                self.system, title="Trouble", actor=None, at=self.now, severity=judged, source_key="alertmanager:1"
            )
        for name in list(USUAL_WAY.values())[:begun]:
            self._take(self._fresh(), name)
        self.entries = self._count()
        self.stale = [Incident.objects.get(pk=self.incident.pk)]

    @rule(
        name=st.sampled_from(STEPS),
        who=st.sampled_from(["lead", "lead", "chief", "agent", "stranger", "desk"]),
        back=st.sampled_from([0, 0, 0, 3, 60, 100_000, -10]),
        severity=st.sampled_from(["SEV-1", "SEV-2", "SEV-3", "foreign", None]),
        given=st.just(frozenset(FIELDS)) | st.frozensets(st.sampled_from(sorted(FIELDS)), max_size=4),
        held=st.booleans(),
    )
    def step(self, name: str, who: str, back: int, severity: str | None, given: frozenset[str], held: bool) -> None:
        """Take any step as anybody, at a true time in the past or future, with some of the fields, on a fresh or an old copy."""
        transition = INCIDENT.transitions[name]
        values = {key: FIELDS[key] for key in given & {*transition.fields, *transition.optional}}
        if "severity" in transition.fields and severity is not None:
            values["severity"] = self.foreign if severity == "foreign" else level(self.system, severity)
        copy = self.stale[0] if held else self._fresh()
        before = self._fresh()
        with clock.at(self.now):
            try:
                with transaction.atomic():
                    apply(copy, name, actor=self.people.get(who), at=self.now - back * MINUTE, **values)
            except KNOWN as error:
                self._nothing_changed(before, error)
                return
        self.stale.append(self._fresh())
        self.stale = self.stale[-2:]
        self._was_legal(before, name, who, back)

    @rule(steps=st.integers(1, 4))
    def go_on(self, steps: int) -> None:
        """As many steps of the usual way as a lead takes at once who has everything at hand."""
        for _number in range(steps):
            before = self._fresh()
            if before.state == IncidentState.CLOSED:
                break
            name = USUAL_WAY[IncidentState(before.state)]
            if name == "close":
                self.complete_the_record()
                before = self._fresh()
            self._take(before, name)
        self.entries = self._count()

    def _take(self, before: Incident, name: str) -> None:
        transition = INCIDENT.transitions[name]
        values = {
            key: value
            for key, value in FIELDS.items()
            if key in transition.fields or (key.startswith("no_") and key in transition.optional)
        }
        if "severity" in transition.fields:
            values["severity"] = before.severity or level(self.system, "SEV-2")
        elif name == "close" and not (before.severity and before.scope):
            with clock.at(self.now):
                apply(
                    before,
                    "reclassify",
                    actor=self.people["lead"],
                    severity=before.severity or level(self.system, "SEV-3"),
                    scope="candidates",
                )
            self.complete_the_record()
            before = self._fresh()
        with clock.at(self.now):
            apply(before, name, actor=self.people["lead"], **values)

    @rule(minutes=st.sampled_from([1, 16, 61, 500]))
    def wait(self, minutes: int) -> None:
        self.now += minutes * MINUTE
        tick(self.now)
        self.entries = self._count()

    @rule(who=st.sampled_from(["lead", "chief"]), sign_in=st.booleans())
    def tap(self, who: str, sign_in: bool) -> None:
        """The button of a page, or a sign-in."""
        with clock.at(self.now), transaction.atomic():
            if sign_in:
                confirm_acknowledgements(self.people[who], at=self.now)
            else:
                try:
                    with transaction.atomic():
                        acknowledge(self._fresh(), actor=self.people[who], at=self.now, provisional=True)
                except Refused:
                    pass
        self.entries = self._count()

    @rule(temporary=st.booleans(), take_back=st.booleans())
    def measure(self, temporary: bool, take_back: bool) -> None:
        with clock.at(self.now):
            row = apply_mitigation(
                self._fresh(), actor=self.people["agent"], text="Longer sessions", at=self.now, temporary=temporary,
                expires_at=self.now + 90 * MINUTE if temporary else None,
            )  # fmt: skip
            if take_back:
                apply(row, "revert", actor=self.people["agent"], effect="None seen.")
        self.entries = self._count()

    @rule()
    def complete_the_record(self) -> None:
        """Everything that closing waits for, so that closed cases are met too."""
        with clock.at(self.now):
            incident = self._fresh()
            postmortem = start_postmortem(incident, actor=self.people["lead"], at=self.now)
            if postmortem.state == "draft":
                write_postmortem(
                    postmortem,
                    actor=self.people["lead"],
                    at=self.now,
                    values={field["key"]: "said" for field in postmortem.schema},
                )
                apply(postmortem, "publish", actor=self.people["lead"])
            approval = current_approval(incident, JOINT_DECISION)
            for person in (
                () if approval is None or approval.granted_at else (self.people["lead"], self.people["chief"])
            ):
                decide(incident, actor=person, at=self.now, mitigation_path="On.", stakeholder_updates="All.")
        self.entries = self._count()

    @invariant()
    def states_are_known_and_facts_fit_them(self) -> None:
        if not hasattr(self, "incident"):
            return
        row = self._fresh()
        self.seen.add(row.state)
        assert row.state in IncidentState.values
        assert (row.resolved_at is not None) == (row.state not in UNRESOLVED)
        assert (row.closed_at is not None) == (row.state == IncidentState.CLOSED)
        assert not row.acknowledgement_provisional or (
            row.acknowledged_at is not None and row.acknowledged_by is not None and row.state in UNRESOLVED
        )
        if row.state == IncidentState.CLOSED:
            assert row.cause
            assert row.fix_reference
            assert row.severity is not None
            assert row.scope
            assert [need for need in closing_needs(row) if need != "joint_decision"] == []

    @invariant()
    def a_firm_acknowledgement_stays(self) -> None:
        """Whoever has it has it, and since when they said so, until it is reopened."""
        if not hasattr(self, "incident"):
            return
        row, times = self._fresh(), self._count("incident.reopened")
        if self.firm is not None and self.firm[2] == times:
            assert (row.acknowledged_by_id, row.acknowledged_at, row.acknowledgement_provisional) == (
                *self.firm[:2],
                False,
            )
        is_firm = row.acknowledged_at is not None and not row.acknowledgement_provisional
        self.firm = (row.acknowledged_by_id, row.acknowledged_at, times) if is_firm else None

    @invariant()
    def the_database_agrees(self) -> None:
        if hasattr(self, "incident"):
            self._fresh().validate_constraints()

    @invariant()
    def clocks_are_sound(self) -> None:
        if not hasattr(self, "incident"):
            return
        row = self._fresh()
        open_now = list(Deadline.objects.open().of(row))
        kinds = [clock_.kind for clock_ in open_now]
        assert kinds.count(Clock.ACKNOWLEDGE) <= 1
        assert kinds.count(Clock.MITIGATE) <= 1
        assert (Clock.CONFIRM in kinds) == row.acknowledgement_provisional
        if row.acknowledged_at is not None:
            assert Clock.ACKNOWLEDGE not in kinds
        elif row.state in UNRESOLVED:
            assert Clock.ACKNOWLEDGE in kinds
        if row.state not in UNRESOLVED:
            assert not {Clock.ACKNOWLEDGE, Clock.CONFIRM, Clock.MITIGATE, Clock.UPDATE} & set(kinds)
        if row.state == IncidentState.CLOSED:
            assert set(kinds) <= {Clock.REVERT}
        in_force = set(Mitigation.objects.filter(incident=row, reverted_at=None, temporary=True))
        assert {clock_.about for clock_ in open_now if clock_.kind == Clock.REVERT} == in_force
        nearest = min((clock_.due_at for clock_ in open_now if clock_.due_at is not None), default=None)
        assert row.next_due_at == nearest

    def _was_legal(self, before: Incident, name: str, who: str, back: int) -> None:
        transition, row = INCIDENT.transitions[name], self._fresh()
        assert before.state in transition.sources
        assert row.state == (transition.target or before.state)
        assert row.version == before.version + 1
        assert who != "stranger"
        assert not (name == "close" and who == "agent")
        assert back >= -5
        entries = AuditEntry.objects.filter(case_reference=row.reference, action=f"incident.{transition.action}")
        assert entries.order_by("-pk").values_list("happened_at", flat=True).first() == self.now - back * MINUTE
        assert self._count(f"incident.{transition.action}") >= 1
        assert self._count() > self.entries
        self.entries = self._count()

    def _nothing_changed(self, before: Incident, error: Exception) -> None:
        assert str(error) or isinstance(error, PermissionDenied)
        assert self._count() == self.entries
        after = self._fresh()
        assert (after.version, after.state, after.acknowledged_at) == (
            before.version,
            before.state,
            before.acknowledged_at,
        )

    def _fresh(self) -> Incident:
        row: Incident = Incident.objects.select_related("system", "severity").get(pk=self.incident.pk)
        return row

    def _count(self, action: str = "") -> int:
        rows = AuditEntry.objects.filter(case_reference=self.incident.reference)
        return rows.filter(action=action).count() if action else rows.count()


@pytest.fixture
def people(db: None, lead: User, chief: User, agent: User, stranger: User) -> dict[str, User]:
    return {"lead": lead, "chief": chief, "agent": agent, "stranger": stranger}


def test_whatever_people_do_the_record_stays_sound(
    jobarium: System, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = System.objects.create(key="other", name="Other")
    foreign = level(jobarium, "SEV-1")
    foreign.pk, foreign.system, foreign.is_untriaged = None, other, False
    foreign.save()
    monkeypatch.setattr(Work, "people", people, raising=False)
    monkeypatch.setattr(Work, "system", jobarium, raising=False)
    monkeypatch.setattr(Work, "foreign", foreign, raising=False)
    monkeypatch.setattr(Work, "seen", set(), raising=False)
    quick = settings(
        max_examples=EXAMPLES,
        stateful_step_count=12,
        deadline=None,
        derandomize=EXAMPLES == 25,
        database=None,
        phases=[Phase.generate],  # twelve steps are short enough to read; making them fewer takes minutes
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Work, settings=quick)
    assert Work.seen == set(IncidentState.values)


class TestTable:
    """Every pair of state and step: it is taken, or refused as not possible there."""

    @pytest.fixture
    def ready(self, jobarium: System, people: dict[str, User]) -> Incident:
        """A case that lacks nothing, so that the state alone decides."""
        with clock.at(START):
            incident = open_incident(
                jobarium, title="Trouble", actor=None, at=START, severity=level(jobarium, "SEV-2"), scope="candidates"
            )
            postmortem = start_postmortem(incident, actor=people["lead"], at=START)
            write_postmortem(
                postmortem, actor=people["lead"], at=START, values={field["key"]: "said" for field in postmortem.schema}
            )
            apply(postmortem, "publish", actor=people["lead"])
        return incident

    @pytest.mark.parametrize("name", STEPS)
    @pytest.mark.parametrize("state", IncidentState.values)
    def test_it_applies_or_is_illegal(self, ready: Incident, people: dict[str, User], state: str, name: str) -> None:
        past = START + MINUTE
        given: dict[str, Any] = {"resolved_at": past} if state not in UNRESOLVED else {}
        given |= {"closed_at": past, "cause": "x", "fix_reference": "y"} if state == IncidentState.CLOSED else {}
        given |= {"breach_aware_at": past} if name in {"unflag_breach", "tell_authority"} else {}
        Incident.objects.filter(pk=ready.pk).update(state=state, **given)
        ready.refresh_from_db()
        transition = INCIDENT.transitions[name]
        values: dict[str, Any] = {
            field: FIELDS[field]
            for field in ("cause", "fix_reference", "no_mitigation_reason", "no_communication_reason", "scope")
            if field in {*transition.fields, *transition.optional}
        }
        if "severity" in transition.fields:
            values["severity"] = ready.severity
        with clock.at(START + 2 * MINUTE):
            if state not in transition.sources:
                with pytest.raises(IllegalTransition) as refusal:
                    apply(ready, name, actor=people["lead"], **values)
                assert str(refusal.value)
                ready.refresh_from_db()
                assert ready.state == state
                return
            row = apply(ready, name, actor=people["lead"], **values)
        assert row.state == (transition.target or state)

    def test_every_state_can_be_reached_and_only_closed_is_an_end(self) -> None:
        reached, more = {IncidentState.DETECTED.value}, True
        while more:
            step = {t.target for t in INCIDENT.transitions.values() if t.target and t.sources & reached} - reached
            reached, more = reached | {str(target) for target in step}, bool(step)
        assert reached == set(IncidentState.values)
        ends = [
            state
            for state in IncidentState.values
            if not any(state in t.sources for t in INCIDENT.transitions.values())
        ]
        assert ends == [IncidentState.CLOSED]
        assert set(OPEN_STATES) == set(IncidentState.values) - {IncidentState.CLOSED}

    def test_triage_cannot_be_skipped(self) -> None:
        assert [
            name
            for name, t in INCIDENT
            if IncidentState.DETECTED in t.sources and t.target in (IncidentState.STABILIZED, IncidentState.CLOSED)
        ] == []


class TestSomebodyWasFaster:
    def test_the_same_step_from_an_old_copy(self, jobarium: System, people: dict[str, User], now: datetime) -> None:
        mine = open_incident(jobarium, title="Trouble", actor=None, at=now, severity=level(jobarium, "SEV-2"))
        theirs = Incident.objects.get(pk=mine.pk)
        apply(theirs, "triage", actor=people["lead"], scope="candidates")
        with pytest.raises(StaleState):
            apply(mine, "triage", actor=people["chief"], scope="employers")
        assert Incident.objects.get(pk=mine.pk).scope == "candidates"

    def test_a_fact_beside_the_state_is_recorded_from_an_old_copy(
        self, jobarium: System, people: dict[str, User], now: datetime
    ) -> None:
        mine = open_incident(jobarium, title="Trouble", actor=None, at=now, severity=level(jobarium, "SEV-2"))
        apply(Incident.objects.get(pk=mine.pk), "triage", actor=people["lead"], scope="candidates")
        assert apply(mine, "acknowledge", actor=people["chief"]).acknowledged_by == people["chief"]

    def test_a_firm_acknowledgement_is_not_taken_by_another(
        self, jobarium: System, people: dict[str, User], now: datetime
    ) -> None:
        mine = open_incident(jobarium, title="Trouble", actor=None, at=now, severity=level(jobarium, "SEV-2"))
        apply(mine, "acknowledge", actor=people["lead"])
        attempts: list[dict[str, Any]] = [
            {},
            {"acknowledgement_provisional": True},
            {"acknowledgement_provisional": False},
        ]
        for values in attempts:
            with pytest.raises(Refused, match="Lea Lead has it already"):
                apply(mine, "acknowledge", actor=people["chief"], **values)

    def test_what_came_back_as_another_case_is_not_reopened_beside_it(
        self, jobarium: System, people: dict[str, User], now: datetime
    ) -> None:
        first = open_incident(jobarium, title="Trouble", actor=None, at=now, source_key="alertmanager:1")
        apply(first, "resolve", actor=people["lead"])
        second = open_incident(jobarium, title="Trouble", actor=None, at=now, source_key="alertmanager:1")
        with pytest.raises(Refused, match=second.reference):
            apply(first, "reopen", actor=people["lead"])


@pytest.mark.django_db
class TestDatabaseRefuses:
    """What no code may write, whatever way it takes."""

    @pytest.mark.parametrize(
        "values",
        [
            {"state": "resolved"},
            {"state": "closed", "resolved_at": START, "closed_at": START},
            {"state": "closed", "resolved_at": START, "cause": "x", "fix_reference": "y"},
            {"state": "triaged", "scope": ""},
            {"state": "stabilized", "scope": "all", "severity": None},
        ],
    )
    def test_states_without_their_facts(self, jobarium: System, values: dict[str, Any]) -> None:
        incident = open_incident(jobarium, title="Trouble", actor=None, at=START, severity=level(jobarium, "SEV-2"))
        with pytest.raises(IntegrityError), transaction.atomic():
            Incident.objects.filter(pk=incident.pk).update(**values)

    def test_a_second_open_case_of_the_same_trouble(self, jobarium: System) -> None:
        open_incident(jobarium, title="Trouble", actor=None, at=START, source_key="alertmanager:1")
        with pytest.raises(IntegrityError), transaction.atomic():
            open_incident(jobarium, title="Trouble", actor=None, at=START, source_key="alertmanager:1")
        assert connection.is_usable()
