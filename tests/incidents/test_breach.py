"""A suspected breach: the gravest level, few eyes, evidence before credentials, a second clock (SC-32, SEC-18..20, GDPR-19)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.desk.clocks import act_of
from config.casework.events import subscribe
from config.casework.transitions import Refused, apply
from incidents.choices import Clock
from incidents.events import PersonalDataBreachFlagged
from incidents.models import Incident
from incidents.procedures import services
from incidents.procedures.breach import report_breach
from incidents.procedures.models import Procedure, RunStep
from tests import factories

HOUR = timedelta(hours=1)


@pytest.fixture
def breach(sentinel: System, lead: User, chief: User, agent: User, now: datetime) -> Incident:
    plan = Procedure.objects.get(key="jobsentinel-security-breach-steps")
    return report_breach(plan, title="Strange logins", actor=agent, at=now)


def step(incident: Incident, key: str) -> RunStep:
    return RunStep.objects.select_related("run").get(run__incident=incident, key=key)


class TestProcedure:
    def test_it_is_always_a_p0_with_seven_ordered_steps(self, breach: Incident) -> None:
        assert breach.severity is not None
        assert breach.severity.key == "P0"
        run = breach.runs.get()
        assert run.ordered
        assert [row.key for row in run.steps.all()] == [
            "isolate", "preserve", "notify", "forensics", "rotate", "patch", "review",
        ]  # fmt: skip

    def test_rotating_before_preserving_is_refused(self, breach: Incident, lead: User, now: datetime) -> None:
        with pytest.raises(Refused):
            services.tick(step(breach, "rotate"), actor=lead, at=now)
        services.tick(step(breach, "isolate"), actor=lead, at=now)
        services.skip(step(breach, "preserve"), actor=lead, at=now, reason="no time")
        for key in ("notify", "forensics"):
            services.tick(step(breach, key), actor=lead, at=now)
        with pytest.raises(Refused, match=r"First: Secure logs and evidence\. It must be done, not skipped"):
            services.tick(step(breach, "rotate"), actor=lead, at=now)

    def test_preserving_needs_evidence(self, breach: Incident, lead: User, now: datetime) -> None:
        services.tick(step(breach, "isolate"), actor=lead, at=now)
        with pytest.raises(ValidationError, match="needs evidence"):
            services.tick(step(breach, "preserve"), actor=lead, at=now, note="done")

    def test_another_procedure_is_none(self, sentinel: System, agent: User, now: datetime) -> None:
        plan = Procedure.objects.get(key="jobsentinel-rollback")
        with pytest.raises(ValidationError):
            report_breach(plan, title="x", actor=agent, at=now)
        assert not Incident.objects.exists()


class TestFewEyes:
    def test_those_who_must_act_and_the_reporter_see_it(
        self, breach: Incident, lead: User, chief: User, agent: User
    ) -> None:
        """SEC-20."""
        for person in (lead, chief, agent):
            assert breach in Incident.objects.visible_to(User.objects.get(pk=person.pk))

    def test_other_staff_and_members_do_not(self, breach: Incident, stranger: User) -> None:
        for person in (factories.person(Role.SUPPORT), factories.person(Role.PRIVACY), stranger):
            assert breach not in Incident.objects.visible_to(person)

    def test_nor_do_they_see_its_run(self, breach: Incident, now: datetime) -> None:
        other = factories.person(Role.SUPPORT)
        assert not breach.runs.visible_to(other).exists()
        with pytest.raises(PermissionDenied):
            services.tick(step(breach, "isolate"), actor=other, at=now)

    def test_an_auditor_reports_none(self, sentinel: System, now: datetime) -> None:
        plan = Procedure.objects.get(key="jobsentinel-security-breach-steps")
        with pytest.raises(PermissionDenied):
            report_breach(plan, title="x", actor=factories.person(Role.AUDITOR), at=now)


HEARD: list[PersonalDataBreachFlagged] = []


def _hear(event: PersonalDataBreachFlagged) -> None:
    HEARD.append(event)


class TestPersonalData:
    @pytest.fixture(autouse=True)
    def listener(self) -> Iterator[None]:
        subscribe(PersonalDataBreachFlagged, _hear)
        HEARD.clear()
        yield
        HEARD.clear()

    def test_the_flag_starts_72_hours_from_awareness_beside_the_other_clocks(
        self, breach: Incident, lead: User, now: datetime
    ) -> None:
        with clock.at(now + HOUR):
            apply(breach, "flag_breach", actor=lead, at=now)
        deadline = Deadline.objects.open().of(breach).get(kind=Clock.AUTHORITY)
        assert deadline.due_at == now + 72 * HOUR
        assert act_of(deadline.kind) == "report the breach of personal data to the authority"
        assert Deadline.objects.open().of(breach).filter(kind=Clock.ACKNOWLEDGE).exists()
        assert [(event.incident, event.aware_at) for event in HEARD] == [(breach, now)]

    def test_it_is_flagged_with_the_report_too(self, sentinel: System, lead: User, agent: User, now: datetime) -> None:
        plan = Procedure.objects.get(key="jobsentinel-security-breach-steps")
        incident = report_breach(plan, title="x", actor=agent, at=now, personal_data=True)
        assert incident.breach_aware_at == now

    def test_a_second_flag_is_refused(self, breach: Incident, lead: User) -> None:
        apply(breach, "flag_breach", actor=lead)
        with pytest.raises(Refused, match="flagged already"):
            apply(breach, "flag_breach", actor=lead)

    def test_telling_the_authority_meets_the_clock(self, breach: Incident, lead: User, now: datetime) -> None:
        with pytest.raises(Refused, match="not flagged"):
            apply(breach, "tell_authority", actor=lead)
        apply(breach, "flag_breach", actor=lead)
        apply(breach, "tell_authority", actor=lead)
        assert Deadline.objects.of(breach).get(kind=Clock.AUTHORITY).met_at == now
        with pytest.raises(Refused, match="told already"):
            apply(breach, "unflag_breach", actor=lead)

    def test_support_neither_takes_it_back_nor_reports_it(self, breach: Incident, lead: User, agent: User) -> None:
        apply(breach, "flag_breach", actor=agent)
        for name in ("unflag_breach", "tell_authority"):
            with pytest.raises(PermissionDenied):
                apply(breach, name, actor=agent)

    def test_a_flag_taken_back_ends_its_clock(self, breach: Incident, lead: User) -> None:
        apply(breach, "flag_breach", actor=lead)
        apply(breach, "unflag_breach", actor=lead, reason="Test data only.")
        assert breach.breach_aware_at is None
        assert not Deadline.objects.open().of(breach).filter(kind=Clock.AUTHORITY).exists()

    def test_closing_waits_for_the_report(self, breach: Incident, lead: User) -> None:
        apply(breach, "flag_breach", actor=lead)
        apply(breach, "resolve", actor=lead)
        Incident.objects.filter(pk=breach.pk).update(scope="All", no_communication_reason="x")
        breach.refresh_from_db()
        with pytest.raises(Refused, match="report to the authority"):
            apply(breach, "close", actor=lead, cause="c", fix_reference="f")
