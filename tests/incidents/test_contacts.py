"""What a case is about, who comes next, whom to reach: INC-03, INC-34, INC-35, INC-92, and their parts of SC-30."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Barrier, Thread
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.urls import reverse

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.events import CaseRouted, _signals, subscribe
from config.casework.files.models import StoredFile
from config.casework.transitions import Refused, apply
from config.casework.work.services import tick
from incidents.contacts.models import RoleHolder
from incidents.contacts.selectors import gaps, ladder, next_rung, person_for
from incidents.contacts.services import describe, escalate, fill_contact, route
from incidents.models import Incident
from incidents.services import open_incident
from integrations.messages.models import Message
from tests import factories
from tests.incidents.conftest import level

FOLDER = settings.BASE_DIR / "config" / "runbooks"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def auditor(db: None, now: datetime) -> System:
    load([FOLDER / "jobarium.yaml", FOLDER / "jobsentinel.yaml", FOLDER / "qa-auditor.yaml"], at=now)
    return System.objects.get(key="qa-auditor")


@pytest.fixture
def breach(auditor: System, lead: User, chief: User, now: datetime) -> Incident:
    """A P1 of type Security; the CTO leads."""
    incident = open_incident(auditor, title="Strange sign-ins", actor=lead, at=now, severity=level(auditor, "P1"))
    return describe(incident, actor=lead, at=now, issue="security")


@pytest.fixture
def client_of_lead(lead: User, settings: object) -> Client:
    settings.STAFF_NEEDS_SECOND_FACTOR = False  # type: ignore[attr-defined]
    client = Client()
    client.force_login(lead)
    return client


class TestMatrix:
    def test_the_type_picks_the_first_contact(self, breach: Incident, lead: User, chief: User) -> None:
        assert [(rung.contact, rung.person, rung.current) for rung in ladder(breach)] == [
            ("Security Team", lead, True),
            ("CISO", chief, False),
        ]

    def test_escalating_moves_it_to_the_ciso_who_leads_and_is_told(
        self, breach: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        reached = escalate(breach, actor=lead, at=now + MINUTE)
        assert (reached.contact, breach.owner, breach.escalation_level) == ("CISO", chief, 2)
        mail = Message.objects.get(address=chief.email, purpose="escalation")
        assert breach.reference in mail.subject
        assert "Strange" not in mail.subject + mail.text
        entry = AuditEntry.objects.get(case_reference=breach.reference, action="incident.moved_up")
        assert entry.detail["to"] == "CISO"

    def test_beyond_the_last_level_there_is_nobody(self, breach: Incident, lead: User, now: datetime) -> None:
        escalate(breach, actor=lead, at=now)
        with pytest.raises(Refused, match="last level"):
            escalate(breach, actor=lead, at=now)

    def test_without_a_type_it_asks_for_one(self, auditor: System, lead: User, now: datetime) -> None:
        incident = open_incident(auditor, title="x", actor=lead, at=now)
        with pytest.raises(Refused, match="issue type first"):
            escalate(incident, actor=lead, at=now)

    def test_what_is_over_is_not_escalated(self, breach: Incident, lead: User, now: datetime) -> None:
        apply(breach, "resolve", actor=lead)
        with pytest.raises(Refused, match="over"):
            escalate(breach, actor=lead, at=now)

    def test_a_double_tap_moves_it_once(self, breach: Incident, lead: User, now: datetime) -> None:
        escalate(breach, actor=lead, at=now, seen_level=1)
        with pytest.raises(Refused, match="meanwhile"):
            escalate(breach, actor=lead, at=now, seen_level=1)

    def test_a_named_person_comes_before_the_desk_role(
        self, breach: Incident, auditor: System, lead: User, agent: User, now: datetime
    ) -> None:
        RoleHolder.objects.create(system=auditor, role="ciso", person=agent)
        escalate(breach, actor=lead, at=now)
        assert breach.owner == agent

    def test_one_who_left_is_passed_over(self, auditor: System, chief: User, agent: User) -> None:
        RoleHolder.objects.create(system=auditor, role="CISO", person=agent)
        User.objects.filter(pk=agent.pk).update(is_active=False)
        assert person_for(auditor, "CISO") == chief

    def test_a_role_nobody_holds_is_reached_visibly_and_the_leader_stays(
        self, breach: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        User.objects.filter(pk=chief.pk).update(is_active=False)
        assert escalate(breach, actor=lead, at=now).person is None
        assert (breach.owner, breach.escalation_level) == (lead, 2)
        assert AuditEntry.objects.filter(
            case_reference=breach.reference, action="incident.moved_up_without_person"
        ).exists()

    def test_another_type_begins_again_with_its_first_contact(
        self, breach: Incident, lead: User, now: datetime
    ) -> None:
        escalate(breach, actor=lead, at=now)
        describe(breach, actor=lead, at=now, issue="data_issue")
        assert breach.escalation_level == 1
        rung = next_rung(breach)
        assert rung is not None
        assert rung.contact == "Data Lead"

    def test_a_missed_promise_escalates_by_the_matrix_once(self, breach: Incident, chief: User, now: datetime) -> None:
        tick(now + 16 * MINUTE)
        tick(now + 20 * MINUTE)
        breach.refresh_from_db()
        assert (breach.escalation_level, breach.owner) == (2, chief)
        moved = AuditEntry.objects.filter(case_reference=breach.reference, action="incident.moved_up")
        assert moved.count() == 1

    def test_a_stranger_moves_nothing(self, breach: Incident, stranger: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            escalate(breach, actor=stranger, at=now)
        with pytest.raises(PermissionDenied):
            describe(breach, actor=stranger, at=now, issue="data_issue")

    def test_the_page_shows_the_rungs_and_the_button_does_it(
        self, breach: Incident, client_of_lead: Client, chief: User
    ) -> None:
        page = client_of_lead.get(reverse("admin:incidents_incident_change", args=[breach.pk]) + "?tab=contacts")
        assert "Security Team" in page.text
        assert "Escalate to CISO" in page.text
        client_of_lead.post(reverse("admin:incidents_incident_escalate", args=[breach.pk]), {"level": 1})
        breach.refresh_from_db()
        assert breach.owner == chief


@pytest.mark.django_db(transaction=True)
def test_parallel_taps_move_a_case_once(auditor: System, lead: User, chief: User, now: datetime) -> None:
    incident = open_incident(auditor, title="x", actor=lead, at=now, severity=level(auditor, "P1"))
    describe(incident, actor=lead, at=now, issue="security")
    start, answers = Barrier(4), []

    def tap() -> None:
        start.wait()
        try:
            answers.append(escalate(Incident.objects.get(pk=incident.pk), actor=lead, at=now, seen_level=1).contact)
        except Refused:
            answers.append("refused")
        finally:
            connections.close_all()

    threads = [Thread(target=tap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["CISO", "refused", "refused", "refused"]


class TestLevelsOfAnotherSystem:
    def test_a_p1_of_jobsentinel_cannot_be_chosen(
        self, breach: Incident, auditor: System, lead: User, now: datetime
    ) -> None:
        foreign = level(System.objects.get(key="jobsentinel"), "P1")
        with pytest.raises(ValidationError) as refusal:
            open_incident(auditor, title="x", actor=lead, at=now, severity=foreign)
        assert "severity" in refusal.value.message_dict
        with pytest.raises(Refused, match="not a severity of QA Auditor"):
            apply(breach, "triage", actor=lead, severity=foreign, scope="all")

    def test_the_form_for_a_step_offers_its_own_levels_only(self, breach: Incident, client_of_lead: Client) -> None:
        url = reverse("admin:incidents_incident_step", args=[breach.pk, "triage"])
        foreign = level(System.objects.get(key="jobsentinel"), "P1")
        page = client_of_lead.get(url)
        assert "(QA Auditor)" in page.text
        assert "(JobSentinel)" not in page.text
        client_of_lead.post(url, {"severity": foreign.pk, "scope": "all"})
        breach.refresh_from_db()
        assert breach.state == "detected"

    def test_the_form_for_a_new_case_refuses_the_pair(self, auditor: System, client_of_lead: Client) -> None:
        foreign = level(System.objects.get(key="jobsentinel"), "P1")
        values = {"system": auditor.pk, "title": "x", "severity": foreign.pk}
        page = client_of_lead.post(reverse("admin:incidents_incident_add"), values)
        assert "is not a severity of QA Auditor" in page.text
        assert not Incident.objects.exists()


class TestAttachments:
    def test_more_than_50_mb_is_refused(self, breach: Incident, client_of_lead: Client) -> None:
        upload = SimpleUploadedFile("big.pdf", b"%PDF-1.4\n" + b"0" * (51 * 1024 * 1024))
        page = client_of_lead.post(reverse("admin:incidents_incident_files", args=[breach.pk]), {"uploads": upload})
        assert "50" in page.text
        assert not StoredFile.objects.exists()

    def test_a_renamed_program_is_refused(self, breach: Incident, client_of_lead: Client) -> None:
        upload = SimpleUploadedFile("invoice.pdf", b"MZ\x90\x00\x03" + b"\x00" * 200, content_type="application/pdf")
        page = client_of_lead.post(reverse("admin:incidents_incident_files", args=[breach.pk]), {"uploads": upload})
        assert page.status_code == 200
        assert not StoredFile.objects.exists()


class TestDescription:
    def test_topic_part_and_components_are_those_of_the_system(
        self, auditor: System, lead: User, now: datetime
    ) -> None:
        system = System.objects.get(key="jobarium")
        incident = open_incident(system, title="x", actor=lead, at=now)
        describe(incident, actor=lead, at=now, topic="async_pipeline/invites")
        assert incident.topic == "async_pipeline/invites"
        with pytest.raises(ValidationError):
            describe(incident, actor=lead, at=now, topic="ocr")
        with pytest.raises(ValidationError):
            describe(incident, actor=lead, at=now, components=["database"])
        with pytest.raises(ValidationError):
            describe(incident, actor=lead, at=now, issue="security")

    def test_affected_components_are_kept_once(self, breach: Incident, lead: User, now: datetime) -> None:
        describe(breach, actor=lead, at=now, components=["ocr", "database", "ocr"])
        assert breach.components == ["database", "ocr"]


@pytest.fixture
def privacy_desk() -> Iterator[list[CaseRouted]]:
    heard: list[CaseRouted] = []

    def take(event: CaseRouted) -> object:
        heard.append(event)
        opened = {"privacy": "GDPR-2026-ABC123", "support": "SUP-2026-ABC123"}.get(event.destination)
        return SimpleNamespace(reference=opened) if opened else None

    subscribe(CaseRouted, take)
    yield heard
    _signals[CaseRouted].disconnect(dispatch_uid=f"{take.__module__}.{take.__qualname__}")


class TestRouting:
    @pytest.fixture
    def asked(self, auditor: System, lead: User, now: datetime) -> Incident:
        incident = open_incident(System.objects.get(key="jobarium"), title="Delete me", actor=lead, at=now)
        return describe(incident, actor=lead, at=now, topic="gdpr_request")

    def test_the_other_desk_opens_its_case_and_it_is_linked(
        self, asked: Incident, lead: User, now: datetime, privacy_desk: list[CaseRouted]
    ) -> None:
        assert route(asked, actor=lead, at=now + MINUTE) == "GDPR-2026-ABC123"
        assert asked.routed_to == "GDPR-2026-ABC123"
        assert [(event.case, event.destination) for event in privacy_desk] == [(asked, "privacy")]
        with pytest.raises(Refused, match="routed already"):
            route(asked, actor=lead, at=now + MINUTE)

    def test_while_no_desk_takes_it_nothing_is_lost(self, asked: Incident, lead: User, now: datetime) -> None:
        with pytest.raises(Refused, match="No desk takes these"):
            route(asked, actor=lead, at=now)
        asked.refresh_from_db()
        assert asked.routed_to == ""

    def test_a_wish_goes_to_the_backlog_as_a_support_case(
        self, auditor: System, lead: User, now: datetime, privacy_desk: list[CaseRouted]
    ) -> None:
        sentinel = System.objects.get(key="jobsentinel")
        wish = open_incident(sentinel, title="Dark mode", actor=lead, at=now, severity=level(sentinel, "P3"))
        assert wish.next_due_at is None
        assert route(wish, actor=lead, at=now) == "SUP-2026-ABC123"

    def test_a_topic_of_this_desk_stays_here(self, asked: Incident, lead: User, now: datetime) -> None:
        describe(asked, actor=lead, at=now, topic="candidate_support")
        with pytest.raises(Refused, match="worked here"):
            route(asked, actor=lead, at=now)


class TestContactBook:
    def test_blank_contacts_and_roles_without_a_person_are_told(
        self, auditor: System, lead: User, now: datetime
    ) -> None:
        told = gaps(auditor, now)
        assert "Contact Tech Lead of QA Auditor is blank." in told
        assert "Nobody holds the role ciso of QA Auditor." in told
        assert "Nobody holds the role dba of QA Auditor." not in told

    def test_filling_one_in_closes_the_gap(self, auditor: System, lead: User, chief: User, now: datetime) -> None:
        row = fill_contact(auditor, "pager", value="+49 30 1234", actor=lead, at=now)
        assert "Contact PagerDuty of QA Auditor is blank." not in gaps(row, now)
        assert "Contact DevOps of QA Auditor is blank." in gaps(row, now)

    def test_a_value_must_fit_its_kind(self, auditor: System, lead: User, now: datetime) -> None:
        sentinel = System.objects.get(key="jobsentinel")
        with pytest.raises(ValidationError):
            fill_contact(sentinel, "security", value="see the tracker", actor=lead, at=now)
        with pytest.raises(ValidationError):
            fill_contact(sentinel, "issues", value="javascript:alert(1)", actor=lead, at=now)
        with pytest.raises(ValidationError):
            fill_contact(sentinel, "nobody", value="x", actor=lead, at=now)

    def test_only_leads_write_it(self, auditor: System, agent: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            fill_contact(auditor, "pager", value="1", actor=agent, at=now)

    def test_two_people_hold_every_role_of_every_source(self, auditor: System, lead: User, chief: User) -> None:
        for system in System.objects.all():
            for role in system.setting("roles"):
                assert person_for(system, role) in {lead, chief}, role

    def test_made_up_cases_ask_made_up_people(self, auditor: System, lead: User) -> None:
        actor = factories.person(Role.CTO, email="demo@demo.invalid")
        assert person_for(auditor, "DBA") == lead
        assert person_for(auditor, "DBA", demo=True) in {actor, None}
