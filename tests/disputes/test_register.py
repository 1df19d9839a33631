"""The register: reviewers' authority, serious incidents, and the runbook sections."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.loader import RunbookRefused, export, load
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import Refused
from config.casework.work.services import tick
from disputes.assessments.models import Assessment, ScoringVersion
from disputes.assessments.policy import policy_of
from disputes.assessments.retention import sweep
from disputes.assessments.services import mark_under_review
from disputes.register.models import AiSystem, ReviewerAuthority, SeriousIncident
from disputes.register.services import (
    CLOCK,
    grant_authority,
    may_review,
    offers_case,
    open_serious_incident,
    report_serious_incident,
    revoke_authority,
)
from tests import factories
from tests.disputes.conftest import RUNBOOK
from tests.disputes.makers import assessment

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=365)


def granted(person: User, lead: User, now: datetime, system: System | None = None) -> ReviewerAuthority:
    return grant_authority(
        person,
        competence="c",
        authority="a",
        starts_at=now,
        ends_at=now + YEAR,
        actor=lead,
        at=now,
        system=system,
    )


class TestAuthority:
    @pytest.fixture
    def reviewer(self, db: None) -> User:
        return factories.person(Role.REVIEWER)

    def test_without_an_entry_nobody_may_review(self, reviewer: User, now: datetime) -> None:
        assert may_review(reviewer, now) is False

    def test_an_entry_holds_from_its_start_to_its_end(self, reviewer: User, lead: User, now: datetime) -> None:
        granted(reviewer, lead, now)
        moments = (now - timedelta(seconds=1), now, now + YEAR - timedelta(seconds=1), now + YEAR)
        assert [may_review(reviewer, moment) for moment in moments] == [False, True, True, False]

    def test_one_for_another_system_does_not_count(self, reviewer: User, lead: User, now: datetime) -> None:
        granted(reviewer, lead, now, system=factories.system("other"))
        assert may_review(reviewer, now, factories.system()) is False
        assert may_review(reviewer, now, factories.system("other")) is True

    def test_it_can_be_ended_once(self, reviewer: User, lead: User, now: datetime) -> None:
        row = revoke_authority(granted(reviewer, lead, now), actor=lead, at=now)
        assert may_review(reviewer, now) is False
        with pytest.raises(Refused):
            revoke_authority(row, actor=lead, at=now)

    def test_nobody_grants_it_to_themselves(self, lead: User, now: datetime) -> None:
        with pytest.raises(ValidationError):
            granted(lead, lead, now)
        with pytest.raises(IntegrityError), transaction.atomic():
            ReviewerAuthority.objects.create(
                person=lead, granted_by=lead, competence="c", authority="a", starts_at=now, ends_at=now + YEAR
            )

    def test_an_agent_grants_none(self, reviewer: User, agent: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            granted(reviewer, agent, now)


class TestSeriousIncident:
    @pytest.fixture
    def version(self, jobarium: System, now: datetime) -> ScoringVersion:
        factories.organization("acme", privacy_contact="privacy@acme.example")
        factories.organization("quiet")
        for number, key in enumerate(("acme", "acme", "quiet")):
            assessment(now, system=jobarium, external_id=f"a{number}", organization=key, model_version="m-7")
        return ScoringVersion.objects.get(part="model", key="m-7")

    def test_it_opens_an_incident_with_its_own_clock(self, version: ScoringVersion, lead: User, now: datetime) -> None:
        AiSystem.objects.update(duties_from=now.date())
        row = open_serious_incident(version.system, version=version, what="Bad", actor=lead, at=now)
        clock = Deadline.objects.get(object_id=row.incident_id, kind=CLOCK)
        assert (row.affected, row.duty_holds, clock.due_at) == (3, True, now + timedelta(days=15))

    def test_before_the_date_of_the_duty_no_clock_runs(
        self, version: ScoringVersion, lead: User, now: datetime
    ) -> None:
        AiSystem.objects.update(duties_from=now.date() + timedelta(days=1))
        row = open_serious_incident(version.system, version=version, what="Bad", actor=lead, at=now)
        assert row.duty_holds is False
        assert not Deadline.objects.filter(object_id=row.incident_id, kind=CLOCK).exists()

    def test_every_organisation_using_the_version_is_told(
        self, version: ScoringVersion, lead: User, now: datetime
    ) -> None:
        row = open_serious_incident(version.system, version=version, what="Bad", actor=lead, at=now)
        tick(now)
        told = [message.to for message in mail.outbox if "assessment system you use" in message.subject]
        assert told == [["privacy@acme.example"]]
        listed = {notice.organization.key: (notice.affected, notice.message is None) for notice in row.notices.all()}
        assert listed == {"acme": (2, False), "quiet": (1, True)}

    def test_the_same_fault_opens_one_case(self, version: ScoringVersion, lead: User, now: datetime) -> None:
        assert offers_case(version.system, version=version) is True
        open_serious_incident(version.system, version=version, what="Bad", actor=lead, at=now)
        assert offers_case(version.system, version=version) is False
        with pytest.raises(Refused):
            open_serious_incident(version.system, version=version, what="Bad", actor=lead, at=now)

    def test_reporting_meets_the_clock_once(self, version: ScoringVersion, lead: User, now: datetime) -> None:
        AiSystem.objects.update(duties_from=None)
        row = open_serious_incident(version.system, version=version, what="Bad", actor=lead, at=now)
        report_serious_incident(row, reference="BfA 1", actor=lead, at=now)
        assert Deadline.objects.get(object_id=row.incident_id, kind=CLOCK).met_at == now
        with pytest.raises(Refused):
            report_serious_incident(row, reference="BfA 1", actor=lead, at=now)

    def test_a_reviewer_opens_none(self, version: ScoringVersion, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            open_serious_incident(
                version.system, version=version, what="Bad", actor=factories.person(Role.REVIEWER), at=now
            )
        assert not SeriousIncident.objects.exists()


class TestRunbook:
    def test_an_export_loads_to_the_same_rows(self, jobarium: System, tmp_path: Path, now: datetime) -> None:
        path = tmp_path / "jobarium.yaml"
        path.write_text(export(jobarium), encoding="utf-8")
        assert load([path], at=now).changed == 0

    def test_each_code_has_words_and_dictation_explains_a_paste_burst(self, jobarium: System) -> None:
        """SC-36: the table is data."""
        policy = policy_of(jobarium)
        assert "dictation" in policy.explanations("paste_burst")
        assert policy.reason_words("paste_burst").startswith("Long passages")
        assert "unheard_of" in policy.reason_words("unheard_of")

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("{code: paste_burst, circumstance: dictation", "{code: paste_bust, circumstance: dictation", "paste_bust"),
            ("  - {key: authenticity, name: Authenticity label}\n", "", "must name authenticity"),
            ("  retention: P365D", "  retention: P30D", "retention"),
            ("    not_assessed: No label", "    forgotten: No label", "is no standing"),
            ("  log_days: 184", "  log_days: 30", "log_days"),
        ],
    )
    def test_a_mistake_is_refused_with_its_line(
        self, db: None, tmp_path: Path, now: datetime, old: str, new: str, said: str
    ) -> None:
        text = RUNBOOK.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path = tmp_path / "jobarium.yaml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(RunbookRefused, match=said):
            load([path], at=now)
        assert not System.objects.exists()


class TestRetention:
    def test_what_is_over_goes_and_what_is_under_review_stays(self, jobarium: System, now: datetime) -> None:
        old, held, fresh = (assessment(now, system=jobarium, external_id=name) for name in ("old", "held", "fresh"))
        mark_under_review(held, actor=None, at=now)
        Assessment.objects.exclude(pk=fresh.pk).update(assessed_at=now - timedelta(days=366))
        assert sweep(now) == 1
        assert set(Assessment.objects.values_list("external_id", flat=True)) == {"held", "fresh"}
        assert AuditEntry.objects.get(action="assessment.retention_over").object_id == old.pk
        assert sweep(now) == 0
