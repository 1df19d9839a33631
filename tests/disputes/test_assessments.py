"""Assessments in: snapshots, what is in force, what a dispute froze, and what the employer sees."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction

from config.casework.access.choices import Role
from config.casework.audit.models import AuditEntry
from config.casework.transitions import Refused
from disputes.assessments.choices import NoticeState, Standing, VersionKind
from disputes.assessments.models import AssessmentVersion, EmployerSwitch, ScoringVersion
from disputes.assessments.selectors import version_at
from disputes.assessments.services import (
    add_rescore,
    employer_previews,
    mark_under_review,
    put_assessment,
    set_outcome,
    standing,
)
from tests import factories
from tests.disputes.makers import LABEL, assessment, heard_standings, snapshot

pytestmark = pytest.mark.django_db


class TestSnapshots:
    def test_the_first_one_makes_the_assessment_and_is_in_force(self, now: datetime) -> None:
        made = put_assessment(factories.system(), "a1", snapshot(now), actor=None, at=now)
        assert (made.created, made.added, made.assessment.standing) == (True, True, Standing.FINAL)
        assert made.assessment.current == made.version

    def test_the_same_one_again_adds_nothing(self, now: datetime) -> None:
        first = put_assessment(factories.system(), "a1", snapshot(now), actor=None, at=now)
        again = put_assessment(factories.system(), "a1", snapshot(now), actor=None, at=now)
        assert (again.created, again.added, again.version) == (False, False, first.version)

    def test_a_later_one_comes_into_force_and_the_earlier_is_kept(self, now: datetime) -> None:
        put_assessment(factories.system(), "a1", snapshot(now), actor=None, at=now)
        later = put_assessment(
            factories.system(), "a1", snapshot(now, label="typical", assessed_at=now), actor=None, at=now
        )
        assert later.assessment.label == "typical"
        assert list(later.assessment.versions.values_list("label", flat=True)) == [LABEL, "typical"]

    def test_an_older_one_that_comes_late_is_kept_and_not_in_force(self, now: datetime) -> None:
        put_assessment(factories.system(), "a1", snapshot(now), actor=None, at=now)
        older = snapshot(now, label="typical", assessed_at=now - timedelta(days=1))
        put = put_assessment(factories.system(), "a1", older, actor=None, at=now)
        assert (put.added, put.assessment.label) == (True, LABEL)

    def test_no_later_one_changes_what_a_dispute_froze(self, now: datetime) -> None:
        contested = assessment(now, external_id="a1")
        mark_under_review(contested, actor=None, at=now)
        put = put_assessment(
            factories.system(), "a1", snapshot(now, label="typical", assessed_at=now), actor=None, at=now
        )
        assert (put.assessment.standing, put.assessment.current) == (Standing.UNDER_REVIEW, contested.current)

    def test_no_later_one_brings_a_removed_label_back(self, now: datetime) -> None:
        contested = mark_under_review(assessment(now, external_id="a1"), actor=None, at=now)
        set_outcome(contested, Standing.LABEL_REMOVED, actor=None, at=now)
        put_assessment(factories.system(), "a1", snapshot(now, assessed_at=now), actor=None, at=now)
        contested.refresh_from_db()
        assert standing(contested, now).label is None

    def test_the_database_refuses_to_change_a_measurement(self, now: datetime) -> None:
        assessment(now)
        with pytest.raises(DatabaseError), transaction.atomic():
            AssessmentVersion.objects.update(label="typical")

    @pytest.mark.parametrize(
        ("field", "value", "named"),
        [
            ("confidence", 1.01, "confidence"),
            ("label", " ", "label"),
            ("telemetry", {"expected": -1}, "telemetry.expected"),
            ("organization", "nobody", "organization"),
            ("email", "no address", "candidate.email"),
        ],
    )
    def test_what_cannot_be_kept_is_refused_by_field(
        self, now: datetime, field: str, value: object, named: str
    ) -> None:
        with pytest.raises(ValidationError) as refused:
            put_assessment(factories.system(), "a1", snapshot(now, **{field: value}), actor=None, at=now)
        assert list(refused.value.message_dict) == [named]

    def test_it_never_moves_to_another_candidate(self, now: datetime) -> None:
        assessment(now, external_id="a1")
        with pytest.raises(ValidationError):
            put_assessment(factories.system(), "a1", snapshot(now, candidate_ref="other"), actor=None, at=now)

    def test_the_trail_knows_the_candidate_by_pseudonym_alone(self, now: datetime) -> None:
        assessment(now, email="kim@example.com")
        entry = AuditEntry.objects.get(action="assessment.received")
        assert entry.subject is not None
        assert "kim" not in str(entry.detail)

    def test_a_person_named_as_assessor_is_known(self, now: datetime) -> None:
        person = factories.person(Role.REVIEWER, email="rev@example.com")
        made = assessment(now, assessed_by="Rev@example.com")
        assert made.current is not None
        assert made.current.assessor == person


class TestStanding:
    def test_a_told_label_is_shown(self, now: datetime) -> None:
        view = standing(assessment(now), now)
        assert (view.label, view.status) == (LABEL, "final")

    def test_an_untold_label_is_not(self, now: datetime) -> None:
        untold = assessment(now, informed_at=None)
        assert (standing(untold, now).label, standing(untold, now).status) == (None, "not_assessed")
        assert untold.notice_state == NoticeState.MISSING

    def test_a_confirmation_from_before_the_assessment_is_not_about_this_label(self, now: datetime) -> None:
        early = assessment(now, informed_at=now - timedelta(days=1))
        assert standing(early, now).label is None

    def test_another_contestable_label_has_to_be_told_anew(self, now: datetime) -> None:
        assessment(now, external_id="a1", informed_at=now - timedelta(minutes=30))
        put = put_assessment(
            factories.system(), "a1", snapshot(now, label="ghost writer", assessed_at=now), actor=None, at=now
        )
        assert standing(put.assessment, now).label is None

    def test_the_switch_of_a_system_shows_labels_without_notice(self, now: datetime) -> None:
        system = factories.system("other", settings={"assessments": {"notice_required": False}})
        assert standing(assessment(now, system=system, informed_at=None), now).label == LABEL

    @pytest.mark.parametrize("outcome", ["label_removed", "withdrawn_undecided"])
    def test_under_review_and_after_a_removal_no_label_is_shown(self, now: datetime, outcome: str) -> None:
        contested = mark_under_review(assessment(now), actor=None, at=now)
        view = standing(contested, now)
        assert (view.label, view.status) == (None, "under_review")
        assert LABEL not in view.employer_note
        after = standing(set_outcome(contested, Standing(outcome), actor=None, at=now), now)
        assert (after.label, after.status) == (None, outcome)

    def test_a_confirmed_label_is_shown_again(self, now: datetime) -> None:
        contested = mark_under_review(assessment(now), actor=None, at=now)
        view = standing(set_outcome(contested, Standing.LABEL_CONFIRMED, actor=None, at=now), now)
        assert (view.label, view.status) == (LABEL, "label_confirmed")

    def test_an_outcome_needs_a_review(self, now: datetime) -> None:
        with pytest.raises(Refused):
            set_outcome(assessment(now), Standing.LABEL_CONFIRMED, actor=None, at=now)

    def test_a_decided_one_comes_back_for_its_appeal(self, now: datetime) -> None:
        contested = mark_under_review(assessment(now), actor=None, at=now)
        set_outcome(contested, Standing.LABEL_CONFIRMED, actor=None, at=now)
        assert standing(mark_under_review(contested, actor=None, at=now), now).label is None

    def test_each_change_is_told_once(self, now: datetime) -> None:
        contested = assessment(now)
        with heard_standings() as heard:
            mark_under_review(contested, actor=None, at=now)
            mark_under_review(contested, actor=None, at=now)
            set_outcome(contested, Standing.LABEL_REMOVED, actor=None, at=now)
        assert [event.event for event in heard] == ["dispute.under_review", "dispute.label_removed"]

    def test_labels_are_hidden_from_an_organisation_while_its_switch_is_on(self, now: datetime) -> None:
        shown = assessment(now)
        switch = EmployerSwitch.objects.create(organization=shown.organization, reason="r", hidden_at=now)
        assert standing(shown, now).label is None
        switch.lifted_at = now
        switch.save()
        assert standing(shown, now).label == LABEL

    def test_previews_promise_what_standing_then_says(self, now: datetime) -> None:
        contested = assessment(now)
        promised = employer_previews(contested)
        seen = standing(mark_under_review(contested, actor=None, at=now), now)
        assert (seen.label, seen.employer_note) == promised["under_review"]


class TestRescore:
    def test_without_a_recorded_fault_it_is_refused(self, now: datetime) -> None:
        contested = assessment(now)
        assert contested.current is not None
        with pytest.raises(Refused):
            add_rescore(contested, snapshot(now), answers=contested.current, fault=" ", actor=None, at=now)

    def test_both_results_are_kept_and_the_old_one_never_shown(self, now: datetime) -> None:
        contested = mark_under_review(assessment(now), actor=None, at=now)
        assert contested.current is not None
        result = add_rescore(
            contested,
            snapshot(now, label="typical", assessed_at=now, model_version="m-2"),
            answers=contested.current,
            fault="gap-7",
            actor=None,
            at=now,
        )
        assert standing(contested, now).label is None
        set_outcome(contested, Standing.RESCORED, actor=None, at=now, version=result)
        view = standing(contested, now)
        assert (view.label, view.status, contested.versions.count()) == ("typical", "rescored", 2)

    def test_scored_again_needs_the_new_result(self, now: datetime) -> None:
        contested = mark_under_review(assessment(now), actor=None, at=now)
        with pytest.raises(Refused):
            set_outcome(contested, Standing.RESCORED, actor=None, at=now, version=contested.current)

    def test_the_database_wants_a_fault_too(self, now: datetime) -> None:
        contested = assessment(now)
        with pytest.raises(DatabaseError), transaction.atomic():
            contested.versions.create(
                number=9,
                kind=VersionKind.RESCORE,
                label="x",
                confidence=0.1,
                model_version="m",
                rules_version="r",
                assessed_at=now,
                received_at=now,
            )


class TestVersionsByDate:
    def test_the_version_of_a_moment_is_the_last_one_begun(self, now: datetime) -> None:
        system = factories.system()
        for days, key in ((20, "m-1"), (10, "m-2"), (1, "m-3")):
            ScoringVersion.objects.create(
                system=system, part="model", key=key, active_from=now - timedelta(days=days), changes=key
            )
        found = version_at(system, "model", now - timedelta(days=5))
        assert found is not None
        assert found.key == "m-2"
        assert version_at(system, "model", now - timedelta(days=50)) is None

    def test_a_version_nobody_registered_is_kept_as_seen(self, now: datetime) -> None:
        assessment(now, model_version="m-9")
        row = ScoringVersion.objects.get(part="model", key="m-9")
        assert row.declared is False
        assert row.active_from == now - timedelta(hours=1)
