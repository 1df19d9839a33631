"""A dispute from filing to the decision: SC-19, SC-20, SC-36 and what lies between."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.utils import InternalError, ProgrammingError

from config.casework import clock
from config.casework.access.choices import Role, Scope
from config.casework.access.models import ApiToken, User
from config.casework.access.services import issue_token
from config.casework.approvals.models import Deputy
from config.casework.approvals.services import current_approval
from config.casework.audit.models import AuditEntry
from config.casework.deadlines.models import Deadline
from config.casework.transitions import Refused, apply
from config.casework.work.services import tick
from disputes import clocks
from disputes.assessments.services import standing
from disputes.choices import Clock, DisputeState
from disputes.decisions.models import Decision, ReportingLine, Reversal
from disputes.decisions.services import decide, sign_decision, signers_missing, undecidable
from disputes.effects import JOINT_DECISION
from disputes.filing.models import CircumstanceReport
from disputes.hiring.choices import Decision as HiringChoice
from disputes.hiring.choices import Door
from disputes.hiring.models import HiringDecision
from disputes.letters.models import Audience, Letter, LetterKind
from disputes.letters.selectors import untold
from disputes.letters.services import told_by_hand
from disputes.models import Dispute
from disputes.review import services as review
from disputes.status import services as status
from disputes.undecided import services as undecided
from integrations.messages.models import Message
from tests import factories
from tests.disputes.disputing import contested, filed, reviewed, reviewer, taken

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def rita(db: None, now: datetime) -> User:
    return reviewer(now)


def shown(dispute: Dispute, at: datetime) -> tuple[str | None, str]:
    dispute.assessment.refresh_from_db()
    view = standing(dispute.assessment, at)
    return view.label, view.status


class TestFiling:
    def test_the_label_is_hidden_at_once(self, db: None, now: datetime) -> None:
        row = contested(now)
        assert standing(row, now).label == "heavy assistance suspected"
        dispute = filed(now, row)
        assert shown(dispute, now) == (None, "under_review")
        assert dispute.reference.startswith("DSP-2026-")

    def test_the_note_to_the_employer_says_neither_label_nor_score_nor_reason(self, db: None, now: datetime) -> None:
        dispute = filed(now)
        letter = dispute.letters.get(kind=LetterKind.ACCEPTED, audience=Audience.EMPLOYER)
        assert letter.message is not None
        for secret in ("heavy", "assist", "0.91", "91", "paste", "dictat", "plaster"):
            assert secret not in letter.message.text

    def test_a_second_filing_joins_the_first(self, db: None, now: datetime) -> None:
        row = contested(now)
        first, second = filed(now, row), filed(now + HOUR, row, statement="And one thing more.")
        assert first.pk == second.pk
        assert Dispute.objects.count() == 1
        assert first.filings.count() == 2
        assert first.letters.filter(kind=LetterKind.JOINED).count() == 1

    def test_the_database_refuses_a_second_open_dispute(self, db: None, now: datetime) -> None:
        dispute = filed(now)
        twin = Dispute.objects.get(pk=dispute.pk)
        twin.pk, twin.reference = None, "DSP-2026-XXXXXX"
        with pytest.raises(IntegrityError, match="dispute_one_open_per_assessment"), transaction.atomic():
            twin.save()

    def test_candidate_employer_and_each_recipient_are_told(self, db: None, now: datetime) -> None:
        dispute = filed(now)
        told = set(dispute.letters.values_list("audience", "name"))
        assert told == {
            ("candidate", "eva@mail.example"),
            ("employer", "privacy@acme.example"),
            ("recipient", "hiring@acme.example"),
        }

    def test_the_contested_result_cannot_be_changed(self, db: None, now: datetime) -> None:
        dispute = filed(now)
        with pytest.raises((InternalError, ProgrammingError)), transaction.atomic():
            type(dispute.contested).objects.filter(pk=dispute.contested_id).update(confidence=0.1)


class TestClocks:
    def test_it_is_taken_within_one_business_day_and_decided_within_five(self, db: None, now: datetime) -> None:
        dispute = filed(now)
        due = dict(Deadline.objects.of(dispute).values_list("kind", "due_at"))
        assert due[Clock.ACKNOWLEDGE] == now + DAY
        assert due[Clock.DECIDE] == now + 7 * DAY
        assert dispute.times_out_at == now + 9 * DAY

    def test_an_employer_who_decides_sooner_moves_the_clock(self, db: None, now: datetime) -> None:
        dispute = filed(now, contested(now, decision_due_at=now + 3 * DAY))
        due = Deadline.objects.of(dispute).get(kind=Clock.DECIDE).due_at
        assert due == now + 2 * DAY
        rules = [step["rule"] for step in Deadline.objects.of(dispute).get(kind=Clock.DECIDE).steps]
        assert "one business day before" in rules

    def test_one_who_decides_now_leaves_an_hour(self, db: None, now: datetime) -> None:
        dispute = filed(now, contested(now, decision_due_at=now))
        assert Deadline.objects.of(dispute).get(kind=Clock.DECIDE).due_at == now + clocks.SHORTEST

    def test_a_missed_clock_is_carried_to_cto_and_then_ceo(self, now: datetime, lead: User, chief: User) -> None:
        dispute = filed(now)
        for minute in (1, 2, 3, 10):
            with clock.at(now + DAY + timedelta(minutes=minute)):
                tick(now + DAY + timedelta(minutes=minute))
        told = list(
            Message.objects.filter(purpose="escalation").order_by("created_at").values_list("address", flat=True)
        )
        assert told == [lead.email, chief.email]
        assert AuditEntry.objects.filter(case_reference=dispute.reference, action="dispute.escalated").count() == 2


class TestReview:
    def test_the_score_stays_hidden_until_the_first_impression(self, rita: User, now: datetime) -> None:
        dispute = taken(filed(now), rita, now)
        with pytest.raises(Refused, match="first impression"):
            review.reveal(dispute, actor=rita, at=now)
        review.note_impression(dispute, impression="convincing", note="", actor=rita, at=now)
        assert review.reveal(dispute, actor=rita, at=now).revealed_at == now

    def test_the_impression_is_said_once(self, rita: User, now: datetime) -> None:
        dispute = taken(filed(now), rita, now)
        review.note_impression(dispute, impression="convincing", note="", actor=rita, at=now)
        with pytest.raises(Refused):
            review.note_impression(dispute, impression="doubtful", note="", actor=rita, at=now)

    def test_checks_wait_for_the_score(self, rita: User, now: datetime) -> None:
        dispute = taken(filed(now), rita, now)
        with pytest.raises(Refused, match="score first"):
            review.tick(dispute, key="version", note="x", actor=rita, at=now)

    def test_a_decision_waits_for_all_checks(self, rita: User, now: datetime) -> None:
        dispute = taken(filed(now), rita, now)
        with pytest.raises(Refused, match="Tick the check"):
            decide(dispute, outcome="label_removed", reasons="You dictated.", actor=rita, at=now)
        dispute.refresh_from_db()
        assert dispute.state == DisputeState.UNDER_REVIEW

    def test_a_decision_waits_until_the_candidate_was_heard(self, rita: User, now: datetime) -> None:
        dispute = reviewed(filed(now), rita, now)
        hearing = status.ask_to_be_heard(dispute, way="call", phone="+49 171 5550199", at=now)
        with pytest.raises(Refused, match="heard"):
            decide(dispute, outcome="label_removed", reasons="You dictated.", actor=rita, at=now)
        status.note_hearing(hearing, text="She explained it.", actor=rita, at=now)
        assert decide(dispute, outcome="label_removed", reasons="You dictated.", actor=rita, at=now).outcome

    def test_only_time_on_the_pages_counts(self, rita: User, now: datetime) -> None:
        dispute = taken(filed(now), rita, now)
        for minute in (2, 5, 60, 62):
            review.seen(dispute, actor=rita, what="account", at=now + timedelta(minutes=minute))
        assert dispute.reviews.get().seconds == 7 * 60

    def test_looking_at_evidence_is_in_the_trail(self, rita: User, now: datetime) -> None:
        dispute = filed(now)
        review.seen(dispute, actor=rita, what="account", at=now)
        entry = AuditEntry.objects.get(case_reference=dispute.reference, action="evidence.viewed")
        assert entry.actor == rita

    def test_sc_36_paste_burst_explained_by_dictation_removes_the_label(self, rita: User, now: datetime) -> None:
        dispute = reviewed(filed(now), rita, now, counts=False)
        with pytest.raises(Refused, match="cannot stay"):
            decide(dispute, outcome="label_confirmed", reasons="It stays.", actor=rita, at=now)
        decide(dispute, outcome="label_removed", reasons="You dictated.", actor=rita, at=now)
        assert shown(dispute, now) == (None, "label_removed")
        to_others = Letter.objects.exclude(audience=Audience.CANDIDATE).select_related("message")
        for letter in to_others:
            assert letter.message is not None
            assert "dictat" not in letter.message.text.lower()
        trail = " ".join(str(entry.detail) for entry in AuditEntry.objects.filter(case_reference=dispute.reference))
        assert "dictation" not in trail


class TestDecision:
    def test_sc_19_label_removed_and_both_sides_told(self, rita: User, now: datetime) -> None:
        assessor = factories.person(Role.SUPPORT, email="a@example.com")
        dispute = reviewed(filed(now, contested(now, assessed_by=assessor.email)), rita, now)
        decide(dispute, outcome="label_removed", reasons="You dictated.", actor=rita, at=now)
        assert dispute.state == DisputeState.DECIDED
        assert shown(dispute, now) == (None, "label_removed")
        told = set(dispute.letters.filter(kind=LetterKind.OUTCOME).values_list("audience", flat=True))
        assert told == {"candidate", "employer", "recipient"}
        mine = dispute.letters.get(kind=LetterKind.OUTCOME, audience=Audience.CANDIDATE).message
        assert mine is not None
        assert "You dictated." in mine.text
        assert Deadline.objects.of(dispute).get(kind=Clock.DECIDE).met_at == now

    def test_reasons_are_demanded(self, rita: User, now: datetime) -> None:
        dispute = reviewed(filed(now), rita, now)
        with pytest.raises(ValidationError) as refused:
            decide(dispute, outcome="label_confirmed", reasons="  ", actor=rita, at=now)
        assert "reasons" in refused.value.message_dict

    def test_what_the_label_caused_is_tracked_until_put_right(self, rita: User, now: datetime) -> None:
        dispute = reviewed(filed(now), rita, now)
        decide(dispute, outcome="label_removed", reasons="You dictated.", actor=rita, at=now)
        reversal = Reversal.objects.get(dispute=dispute)
        dispute.letters.update(told_by_hand_at=now)
        with clock.at(now + 40 * DAY), pytest.raises(Refused, match="put right"):
            apply(dispute, "close", actor=rita, at=now + 40 * DAY)
        apply(reversal, "finish", actor=rita, at=now, result="They wrote that it is gone.")
        assert Deadline.objects.of(dispute).get(kind=Clock.REVERSE).met_at == now
        with clock.at(now + 40 * DAY):
            apply(dispute, "close", actor=rita, at=now + 40 * DAY)
        assert dispute.state == DisputeState.CLOSED

    def test_closing_waits_for_letters(self, rita: User, now: datetime) -> None:
        row = contested(now, recipients=("the hiring manager",))
        dispute = reviewed(filed(now, row), rita, now)
        decide(dispute, outcome="label_confirmed", reasons="It stays.", actor=rita, at=now)
        Message.objects.update(state="sent")
        by_hand = untold(dispute)
        assert {letter.name for letter in by_hand} == {"the hiring manager"}
        with clock.at(now + 40 * DAY), pytest.raises(Refused, match="not told"):
            apply(dispute, "close", actor=rita, at=now + 40 * DAY)
        for letter in by_hand:
            told_by_hand(letter, actor=rita, at=now)
        with clock.at(now + 40 * DAY):
            assert apply(dispute, "close", actor=rita, at=now + 40 * DAY).state == DisputeState.CLOSED

    def test_circumstances_go_with_the_appeal_period(self, rita: User, now: datetime) -> None:
        dispute = reviewed(filed(now), rita, now, counts=False)
        decide(dispute, outcome="label_removed", reasons="You dictated.", actor=rita, at=now)
        assert undecided.sweep_settled(now + 29 * DAY) == 0
        assert CircumstanceReport.objects.exists()
        assert undecided.sweep_settled(now + 31 * DAY) == 1
        assert not CircumstanceReport.objects.exists()
        answer = dispute.reviews.get().answers.get()
        assert (answer.counts, answer.circumstance) == (False, "")

    def test_a_changed_mind_after_the_score_is_seen_in_the_figures(self, rita: User, now: datetime) -> None:
        dispute = taken(filed(now), rita, now)
        review.note_impression(dispute, impression="convincing", note="", actor=rita, at=now)
        dispute.acknowledged_by = None
        Dispute.objects.filter(pk=dispute.pk).update(acknowledged_by=None)
        dispute.refresh_from_db()
        taken(dispute, rita, now)
        review.reveal(dispute, actor=rita, at=now)
        for key in ("confidence", "telemetry", "version", "circumstances"):
            review.tick(dispute, key=key, note="x", actor=rita, at=now)
        review.answer(dispute, code="paste_burst", counts=True, actor=rita, at=now)
        decide(dispute, outcome="label_confirmed", reasons="It stays.", actor=rita, at=now)
        assert Decision.objects.get().changed_after_score


class TestIndependence:
    def test_sc_20_the_assessor_does_not_decide(self, now: datetime, db: None) -> None:
        assessor = reviewer(now, "Asa Assessor", email="asa@example.com")
        dispute = filed(now, contested(now, assessed_by=assessor.email))
        with pytest.raises(Refused, match="assessed or labelled"):
            taken(dispute, assessor, now)
        with pytest.raises(Refused, match="assessed or labelled"):
            decide(dispute, outcome="label_removed", reasons="Mine.", actor=assessor, at=now)
        dispute.refresh_from_db()
        assert (dispute.state, dispute.outcome) == (DisputeState.UNDER_REVIEW, "")
        assert AuditEntry.objects.filter(action="decision.refused", actor=assessor).exists()

    def test_the_database_refuses_the_assessor_too(self, now: datetime, db: None) -> None:
        assessor = reviewer(now, "Asa Assessor", email="asa@example.com")
        dispute = filed(now, contested(now, assessed_by=assessor.email))
        with pytest.raises(IntegrityError, match="dispute_decider_is_independent"), transaction.atomic():
            Dispute.objects.filter(pk=dispute.pk).update(decided_by=assessor)
        dispute.decided_by = assessor
        with pytest.raises(ValidationError, match="does not decide"):
            dispute.full_clean()

    def test_a_raw_decision_row_of_the_assessor_is_refused(self, now: datetime, db: None) -> None:
        assessor = reviewer(now, "Asa Assessor", email="asa@example.com")
        dispute = filed(now, contested(now, assessed_by=assessor.email))
        with pytest.raises(IntegrityError, match="decision_is_independent"), transaction.atomic():
            Decision.objects.create(
                dispute=dispute, stage="review", outcome="label_removed", reasons="x", decided_by=assessor,
                proposed_at=now, excluded_ids=dispute.excluded_ids,
            )  # fmt: skip

    def test_the_reporting_line_does_not_decide_either(self, now: datetime, rita: User) -> None:
        assessor = factories.person(Role.SUPPORT, email="asa@example.com")
        ReportingLine.objects.create(person=assessor, superior=rita)
        dispute = filed(now, contested(now, assessed_by=assessor.email))
        with pytest.raises(Refused, match="reporting line"):
            taken(dispute, rita, now)

    def test_a_line_recorded_later_counts_at_the_decision(self, now: datetime, rita: User) -> None:
        assessor = factories.person(Role.SUPPORT, email="asa@example.com")
        dispute = reviewed(filed(now, contested(now, assessed_by=assessor.email)), rita, now)
        ReportingLine.objects.create(person=assessor, superior=rita)
        with pytest.raises(Refused, match="reporting line"):
            decide(dispute, outcome="label_removed", reasons="x", actor=rita, at=now)

    def test_no_entry_in_the_register_no_decision(self, now: datetime, db: None) -> None:
        untrained = factories.person(Role.REVIEWER)
        with pytest.raises(Refused, match="competence and authority"):
            taken(filed(now), untrained, now)

    def test_support_cannot_decide(self, now: datetime, agent: User) -> None:
        with pytest.raises(PermissionDenied):
            decide(filed(now), outcome="label_removed", reasons="x", actor=agent, at=now)

    def test_a_token_decides_nothing(self, now: datetime, db: None) -> None:
        issue_token("t", [Scope.CASES], actor=None, at=now)
        token = ApiToken.objects.get()
        with pytest.raises(Refused, match="A person"):
            apply(filed(now), "acknowledge", actor=token, at=now)
        with pytest.raises(Refused, match="A person"):
            apply(Dispute.objects.get(), "decide", actor=token, at=now, outcome="label_removed", reasons="x")
        with pytest.raises(Refused, match="itself"):
            apply(Dispute.objects.get(), "give_up", actor=token, at=now)


class TestJointDecision:
    def hired(self, dispute: Dispute, at: datetime) -> None:
        HiringDecision.objects.create(
            assessment=dispute.assessment,
            organization=dispute.organization,
            decision=HiringChoice.REJECT,
            reasons=["skills"],
            door=Door.API,
            decided_at=at,
        )

    def test_a_touched_hiring_outcome_needs_both(self, now: datetime, rita: User, lead: User, chief: User) -> None:
        dispute = reviewed(filed(now), rita, now)
        self.hired(dispute, now)
        Dispute.objects.filter(pk=dispute.pk).update(touches_hiring=True)
        dispute.refresh_from_db()
        with pytest.raises(Refused, match="touched"):
            apply(dispute, "decide", actor=rita, at=now, outcome="label_removed", reasons="You dictated.")
        dispute.refresh_from_db()
        decide(dispute, outcome="label_removed", reasons="You dictated.", actor=rita, at=now)
        dispute.refresh_from_db()
        assert dispute.state == DisputeState.UNDER_REVIEW
        sign_decision(dispute, actor=lead, at=now)
        with pytest.raises(Refused, match="signed already"):
            sign_decision(dispute, actor=lead, at=now)
        assert shown(dispute, now)[1] == "under_review"
        sign_decision(dispute, actor=chief, at=now)
        dispute.refresh_from_db()
        assert (dispute.state, dispute.decided_by) == (DisputeState.DECIDED, rita)
        assert shown(dispute, now)[1] == "label_removed"
        assert Reversal.objects.filter(dispute=dispute).count() == 2

    def test_other_words_need_other_signatures(self, now: datetime, rita: User, lead: User, chief: User) -> None:
        dispute = reviewed(filed(now), rita, now)
        self.hired(dispute, now)
        decide(dispute, outcome="label_removed", reasons="You dictated.", actor=rita, at=now)
        sign_decision(dispute, actor=lead, at=now)
        decide(dispute, outcome="label_removed", reasons="In other words.", actor=rita, at=now)
        approval = current_approval(dispute, JOINT_DECISION)
        assert approval is not None
        assert approval.signatures.count() == 0

    def test_a_signer_who_assessed_is_replaced_by_a_deputy(
        self, now: datetime, rita: User, lead: User, chief: User, agent: User
    ) -> None:
        dispute = reviewed(filed(now, contested(now, assessed_by=lead.email)), rita, now)
        self.hired(dispute, now)
        decide(dispute, outcome="label_removed", reasons="You dictated.", actor=rita, at=now)
        dispute.refresh_from_db()
        assert signers_missing(dispute, at=now) == [Role.CTO]
        assert undecidable(at=now) == [dispute.reference]
        with pytest.raises(Refused, match="somebody else"):
            sign_decision(dispute, actor=lead, at=now)
        Deputy.objects.create(role=Role.CTO, person=agent, starts_at=now - DAY, ends_at=now + DAY)
        assert signers_missing(dispute, at=now) == []
        sign_decision(dispute, actor=agent, at=now)
        sign_decision(dispute, actor=chief, at=now)
        dispute.refresh_from_db()
        assert dispute.state == DisputeState.DECIDED
