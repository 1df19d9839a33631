"""The engine: snapshots, order, conditions, evidence, measures with an end, gates, what is proven and skipped (INC-45)."""

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import may_see
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.files.services import read
from config.casework.transitions import Refused
from incidents.choices import Clock
from incidents.models import Incident
from incidents.procedures import selectors, services
from incidents.procedures.choices import ProcedureKind, RunState, StepKind, StepState
from incidents.procedures.models import Procedure, ProcedureStep, Run, RunStep
from incidents.procedures.services import Evidence, Occasion
from incidents.services import apply_mitigation
from tests import factories

PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def procedure(system: System, *steps: dict[str, Any], key: str = "made-up", **fields: Any) -> Procedure:
    """A procedure with these steps; each names its key, and what it needs beside a check."""
    row = Procedure.objects.create(
        system=system, key=key, title=fields.pop("title", "Made up"), **{"kind": ProcedureKind.PLAYBOOK, **fields}
    )
    for place, step in enumerate(steps, start=1):
        ProcedureStep.objects.create(
            procedure=row, position=place, **{"kind": StepKind.CHECK, "text": f"Step {step['key']}", **step}
        )
    return row


def step(run: Run, key: str) -> RunStep:
    return RunStep.objects.select_related("run").get(run=run, key=key)


@pytest.fixture
def plain(jobarium: System) -> Procedure:
    return procedure(jobarium, {"key": "a"}, {"key": "b"})


class TestSnapshot:
    def test_a_run_keeps_what_the_procedure_was(self, plain: Procedure, incident: Incident, lead: User) -> None:
        run = services.start_run(plain, actor=lead, at=incident.received_at, incident=incident)
        plain.steps.filter(key="a").update(text="Other")
        Procedure.objects.filter(pk=plain.pk).update(version=2, extra={"gate": "x"})
        run.refresh_from_db()
        assert (step(run, "a").text, run.procedure_version, run.extra) == ("Step a", 1, {})

    def test_a_second_start_gives_the_run_under_way(self, plain: Procedure, incident: Incident, lead: User) -> None:
        first = services.start_run(plain, actor=lead, at=incident.received_at, incident=incident)
        assert services.start_run(plain, actor=lead, at=incident.received_at, incident=incident) == first

    def test_one_out_of_use_is_not_begun(self, plain: Procedure, lead: User, now: datetime) -> None:
        plain.is_active = False
        with pytest.raises(ValidationError):
            services.start_run(plain, actor=lead, at=now)

    def test_one_of_another_system_is_refused(self, incident: Incident, lead: User, now: datetime) -> None:
        other = procedure(factories.system("other"), {"key": "a"})
        with pytest.raises(ValidationError):
            services.start_run(other, actor=lead, at=now, incident=incident)


class TestOrder:
    @pytest.fixture
    def run(self, jobarium: System, lead: User, now: datetime) -> Run:
        row = procedure(
            jobarium,
            {"key": "a", "extra": {"wait": "PT30S"}},
            {"key": "b"},
            {"key": "c", "extra": {"needs": ["a"]}},
            ordered=True,
        )
        return services.start_run(row, actor=lead, at=now)

    def test_out_of_order_is_refused_naming_what_comes_first(self, run: Run, lead: User, now: datetime) -> None:
        with pytest.raises(Refused, match="First: Step a"):
            services.tick(step(run, "b"), actor=lead, at=now)
        with pytest.raises(Refused, match="First: Step a"):
            services.skip(step(run, "b"), actor=lead, at=now, reason="x")

    def test_the_wait_after_a_step_is_kept(self, run: Run, lead: User, now: datetime) -> None:
        services.tick(step(run, "a"), actor=lead, at=now)
        with pytest.raises(Refused, match="Wait another 10 s"):
            services.tick(step(run, "b"), actor=lead, at=now + timedelta(seconds=20))
        services.tick(step(run, "b"), actor=lead, at=now + timedelta(seconds=30))

    def test_what_a_step_needs_must_be_done_not_skipped(self, run: Run, lead: User, now: datetime) -> None:
        services.skip(step(run, "a"), actor=lead, at=now, reason="x")
        services.tick(step(run, "b"), actor=lead, at=now)
        with pytest.raises(Refused, match="must be done, not skipped"):
            services.tick(step(run, "c"), actor=lead, at=now)

    def test_a_settled_step_is_settled(self, run: Run, lead: User, agent: User, now: datetime) -> None:
        services.tick(step(run, "a"), actor=lead, at=now)
        with pytest.raises(Refused, match="settled already by Lea Lead"):
            services.tick(step(run, "a"), actor=agent, at=now)


class TestDecisions:
    @pytest.fixture
    def run(self, jobarium: System, lead: User, now: datetime) -> Run:
        row = procedure(
            jobarium,
            {"key": "ask", "kind": StepKind.DECISION, "extra": {"options": ["yes", "no"]}},
            {"key": "if-yes", "extra": {"only_if": {"step": "ask", "answer": ["yes"]}}},
            {"key": "if-no", "kind": StepKind.DECISION, "extra": {
                "options": ["x", "y"], "only_if": {"step": "ask", "answer": ["no"]}}},
            {"key": "deep", "extra": {"only_if": {"step": "if-no", "answer": ["x"]}}},
        )  # fmt: skip
        return services.start_run(row, actor=lead, at=now)

    def test_an_answer_that_is_none_is_refused(self, run: Run, lead: User, now: datetime) -> None:
        for answer in ("", "maybe"):
            with pytest.raises(ValidationError, match="Choose one"):
                services.tick(step(run, "ask"), actor=lead, at=now, answer=answer)

    def test_an_answer_puts_aside_what_asks_for_another(self, run: Run, lead: User, now: datetime) -> None:
        services.tick(step(run, "ask"), actor=lead, at=now, answer="yes")
        assert step(run, "if-no").state == StepState.NOT_NEEDED
        assert step(run, "deep").state == StepState.NOT_NEEDED
        with pytest.raises(Refused, match="not needed"):
            services.tick(step(run, "if-no"), actor=lead, at=now, answer="x")
        services.tick(step(run, "if-yes"), actor=lead, at=now)
        run.refresh_from_db()
        assert run.state == RunState.FINISHED

    def test_a_step_waits_for_its_decision(self, run: Run, lead: User, now: datetime) -> None:
        with pytest.raises(Refused, match="depends on: Step ask"):
            services.tick(step(run, "if-yes"), actor=lead, at=now)

    def test_a_decision_that_others_need_is_not_skipped(self, run: Run, lead: User, now: datetime) -> None:
        with pytest.raises(Refused, match="Answer it"):
            services.skip(step(run, "ask"), actor=lead, at=now, reason="x")

    def test_an_answer_where_nothing_is_asked_is_refused(self, plain: Procedure, lead: User, now: datetime) -> None:
        run = services.start_run(plain, actor=lead, at=now)
        with pytest.raises(ValidationError, match="nothing to decide"):
            services.tick(step(run, "a"), actor=lead, at=now, answer="yes")


class TestSteps:
    def test_a_temporary_measure_needs_its_end_and_gets_a_clock(
        self, jobarium: System, incident: Incident, lead: User, now: datetime
    ) -> None:
        row = procedure(jobarium, {"key": "m", "kind": StepKind.MITIGATION, "expires": "required"})
        run = services.start_run(row, actor=lead, at=now, incident=incident)
        with pytest.raises(ValidationError, match="needs an end"):
            services.tick(step(run, "m"), actor=lead, at=now)
        assert not incident.mitigations.exists()
        services.tick(step(run, "m"), actor=lead, at=now, expires_at=now + DAY)
        measure = incident.mitigations.get()
        assert step(run, "m").mitigation == measure
        clock = Deadline.objects.open().of(incident).get(kind=Clock.REVERT)
        assert (clock.due_at, clock.about) == (now + DAY, measure)

    def test_a_measure_recorded_beside_the_run_counts_once(
        self, jobarium: System, incident: Incident, lead: User, now: datetime
    ) -> None:
        steps = [{"key": key, "kind": StepKind.MITIGATION, "expires": "required"} for key in ("m", "n")]
        run = services.start_run(procedure(jobarium, *steps), actor=lead, at=now, incident=incident)
        measure = apply_mitigation(incident, actor=lead, text="x", at=now, temporary=True, expires_at=now + DAY)
        assert services.tick(step(run, "m"), actor=lead, at=now).mitigation == measure
        with pytest.raises(ValidationError, match="needs an end"):
            services.tick(step(run, "n"), actor=lead, at=now)

    def test_an_end_in_the_past_changes_nothing(
        self, jobarium: System, incident: Incident, lead: User, now: datetime
    ) -> None:
        row = procedure(jobarium, {"key": "m", "kind": StepKind.MITIGATION, "expires": "required"})
        run = services.start_run(row, actor=lead, at=now, incident=incident)
        with pytest.raises(ValidationError):
            services.tick(step(run, "m"), actor=lead, at=now, expires_at=now - DAY)
        assert step(run, "m").state == StepState.OPEN

    def test_a_step_that_needs_a_role_is_ticked_by_that_role(
        self, jobarium: System, lead: User, agent: User, now: datetime
    ) -> None:
        run = services.start_run(procedure(jobarium, {"key": "a", "approval": Role.CTO}), actor=agent, at=now)
        with pytest.raises(Refused, match="needs the word"):
            services.tick(step(run, "a"), actor=agent, at=now)
        assert services.tick(step(run, "a"), actor=lead, at=now).done_by == lead

    def test_a_check_that_failed_says_what_and_can_be_repeated(
        self, plain: Procedure, lead: User, now: datetime
    ) -> None:
        run = services.start_run(plain, actor=lead, at=now)
        with pytest.raises(ValidationError, match="not as it should be"):
            services.tick(step(run, "a"), actor=lead, at=now, failed=True)
        failed = services.tick(step(run, "a"), actor=lead, at=now, failed=True, note="503")
        assert (failed.failed, failed.note) == (True, "503")
        repeated = services.tick(step(run, "a"), actor=lead, at=now, note="200")
        assert (repeated.failed, repeated.note) == (False, "503\n200")

    def test_evidence_is_kept_with_hash_time_and_holder_and_cannot_change(
        self, jobarium: System, incident: Incident, lead: User, agent: User, now: datetime
    ) -> None:
        """SEC-19."""
        row = procedure(jobarium, {"key": "a", "extra": {"evidence": "required"}}, {"key": "b"})
        run = services.start_run(row, actor=agent, at=now, incident=incident)
        with pytest.raises(ValidationError, match="needs evidence"):
            services.tick(step(run, "a"), actor=agent, at=now, note="trust me")
        done = services.tick(step(run, "a"), actor=agent, at=now, file=Evidence(BytesIO(PDF), "log.pdf"))
        stored = done.evidence_file
        assert stored is not None
        assert (len(stored.sha256), stored.uploaded_by, stored.uploaded_at) == (64, agent, now)
        assert b"".join(read(stored)) == PDF
        assert stored.case == incident
        with pytest.raises(Refused):
            services.tick(step(run, "a"), actor=agent, at=now, file=Evidence(BytesIO(PDF), "other.pdf"))

    def test_evidence_of_a_run_without_a_case_is_seen_by_staff_alone(
        self, jobarium: System, agent: User, stranger: User, now: datetime
    ) -> None:
        run = services.start_run(procedure(jobarium, {"key": "a"}), actor=agent, at=now)
        done = services.tick(step(run, "a"), actor=agent, at=now, file=Evidence(BytesIO(PDF), "log.pdf"))
        assert done.evidence_file is not None
        assert may_see(agent, done.evidence_file.case)  # type: ignore[arg-type]
        assert not may_see(stranger, done.evidence_file.case)  # type: ignore[arg-type]

    def test_an_auditor_works_nothing(self, plain: Procedure, lead: User, now: datetime) -> None:
        auditor = factories.person(Role.AUDITOR)
        with pytest.raises(PermissionDenied):
            services.start_run(plain, actor=auditor, at=now)
        run = services.start_run(plain, actor=lead, at=now)
        for act in (
            lambda: services.tick(step(run, "a"), actor=auditor, at=now),
            lambda: services.skip(step(run, "a"), actor=auditor, at=now, reason="x"),
            lambda: services.annotate(step(run, "a"), actor=auditor, at=now, note="x"),
            lambda: services.let_go(run, actor=auditor, at=now, reason="x"),
        ):
            with pytest.raises(PermissionDenied):
                act()

    def test_the_trail_says_who_and_when_but_not_what_was_written(
        self, plain: Procedure, incident: Incident, lead: User, now: datetime
    ) -> None:
        run = services.start_run(plain, actor=lead, at=now, incident=incident)
        services.tick(step(run, "a"), actor=lead, at=now, note="Ms Secret called")
        entry = AuditEntry.objects.get(action="run_step.done")
        assert (entry.actor, entry.case_reference) == (lead, incident.reference)
        assert "Secret" not in str(entry.detail)

    def test_a_run_without_a_finish_time_is_refused_by_the_database(
        self, plain: Procedure, lead: User, now: datetime
    ) -> None:
        run = services.start_run(plain, actor=lead, at=now)
        with pytest.raises(IntegrityError), transaction.atomic():
            Run.objects.filter(pk=run.pk).update(state=RunState.FINISHED)
        connection.check_constraints()


class TestLetGo:
    def test_it_needs_a_reason_and_ends_the_run(self, plain: Procedure, lead: User, now: datetime) -> None:
        run = services.start_run(plain, actor=lead, at=now)
        with pytest.raises(ValidationError):
            services.let_go(run, actor=lead, at=now, reason="")
        services.let_go(run, actor=lead, at=now, reason="Holiday")
        assert (run.state, run.let_go_reason) == (RunState.ABANDONED, "Holiday")
        with pytest.raises(Refused, match="over"):
            services.tick(step(run, "a"), actor=lead, at=now)
        with pytest.raises(Refused, match="over"):
            services.let_go(run, actor=lead, at=now, reason="again")


class TestReadiness:
    """INC-66."""

    @pytest.fixture
    def board(self, jobarium: System, now: datetime) -> Run:
        checklist = Procedure.objects.get(key="jobarium-pilot-readiness")
        return services.start_run(checklist, actor=None, at=now, occasion=Occasion(slot="once"))

    def prove(self, board: Run, person: User, at: datetime, count: int) -> None:
        for row in board.steps.order_by("position")[:count]:
            services.tick(row, actor=person, at=at, evidence="https://wiki.example/x")

    def test_go_needs_all_six_and_names_what_is_missing(self, board: Run, lead: User, now: datetime) -> None:
        self.prove(board, lead, now, 5)
        with pytest.raises(Refused, match=r"5 of 6 are proven.*authenticity dispute was rehearsed"):
            services.open_gate(board, actor=lead, at=now)
        services.tick(step(board, "disputes"), actor=lead, at=now, evidence="case 7")
        services.open_gate(board, actor=lead, at=now)
        assert (board.gate_opened_at, board.gate_opened_by) == (now, lead)
        with pytest.raises(Refused, match="open already"):
            services.open_gate(board, actor=lead, at=now)

    def test_evidence_that_ran_out_counts_no_more_until_it_is_proven_again(
        self, board: Run, lead: User, agent: User, now: datetime
    ) -> None:
        self.prove(board, lead, now, 6)
        later = now + 90 * DAY
        assert len(services.missing_for_gate(board, later)) == 6
        with pytest.raises(ValidationError, match="needs evidence"):
            services.renew(step(board, "gdpr"), actor=agent, at=later)
        renewed = services.renew(step(board, "gdpr"), actor=agent, at=later, evidence="drill 2")
        assert (renewed.done_by, renewed.valid_until) == (agent, later + 90 * DAY)
        assert len(services.missing_for_gate(board, later)) == 5

    def test_support_does_not_open_the_gate(self, board: Run, lead: User, agent: User, now: datetime) -> None:
        self.prove(board, lead, now, 6)
        with pytest.raises(PermissionDenied):
            services.open_gate(board, actor=agent, at=now)

    def test_a_list_without_a_gate_opens_none(self, plain: Procedure, lead: User, now: datetime) -> None:
        run = services.start_run(plain, actor=lead, at=now)
        with pytest.raises(Refused, match="no gate"):
            services.open_gate(run, actor=lead, at=now)

    def test_an_item_never_proven_is_not_renewed(self, board: Run, lead: User, now: datetime) -> None:
        with pytest.raises(Refused):
            services.renew(step(board, "gdpr"), actor=lead, at=now, evidence="x")

    def test_the_board_shows_it(self, board: Run, lead: User, stranger: User) -> None:
        assert selectors.boards(lead) == [board]
        assert selectors.boards(stranger) == []


class TestReports:
    def test_it_is_said_which_steps_get_skipped(self, plain: Procedure, lead: User, now: datetime) -> None:
        for _round in range(2):
            run = services.start_run(plain, actor=lead, at=now)
            services.tick(step(run, "a"), actor=lead, at=now)
            services.skip(step(run, "b"), actor=lead, at=now, reason="never fits")
        (row,) = selectors.most_skipped(lead, since=now - DAY)
        assert (row["text"], row["skipped"], row["settled"]) == ("Step b", 2, 2)
        assert selectors.most_skipped(lead, since=now + DAY) == []

    def test_it_is_said_when_a_procedure_was_last_proven(self, plain: Procedure, lead: User, now: datetime) -> None:
        never = {proof.procedure: proof for proof in selectors.proven(lead)}[plain]
        assert (never.run, never.times) == (None, 0)
        run = services.start_run(plain, actor=lead, at=now)
        for key in ("a", "b"):
            services.tick(step(run, key), actor=lead, at=now + MINUTE)
        proofs = selectors.proven(lead)
        assert proofs[-1].procedure == plain
        assert (proofs[-1].run, proofs[-1].times, proofs[-1].met) == (run, 1, None)
