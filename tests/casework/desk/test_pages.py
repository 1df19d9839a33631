"""The page of a case: head, tabs, notes, files, changes by hand, sharing, removing."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.cases.models import Note
from config.casework.files.models import StoredFile
from config.casework.transitions import apply
from incidents.models import Incident, Severity
from tests import factories

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"


def url(incident: Incident, part: str = "change/") -> str:
    return f"/admin/incidents/incident/{incident.pk}/{part}"


class TestHead:
    def test_it_names_case_state_clock_and_owner(self, as_lead: Client, incident: Incident) -> None:
        text = as_lead.get(url(incident)).text
        for words in (
            incident.reference,
            "No invitations leave",
            "detected",
            "SEV-1",
            "acknowledge within 15 min",
            "owner: Lea Lead",
        ):
            assert words in text

    def test_one_primary_act_and_the_rest_behind_more(self, as_lead: Client, incident: Incident) -> None:
        context = as_lead.get(url(incident)).context
        assert context["primary"].label == "I have it"
        assert {"Triage", "Impact is over", "Resolved"} <= {act.label for act in context["more"]}


class TestTabs:
    @pytest.mark.parametrize("tab", ["", "?tab=mitigation", "?tab=files", "?tab=clocks", "?tab=history", "?tab=edit"])
    def test_each_stays_within_its_budget(
        self,
        as_lead: Client,
        incident: Incident,
        lead: User,
        tab: str,
        now: datetime,
        django_assert_max_num_queries: Any,
    ) -> None:
        apply(incident, "acknowledge", actor=lead, at=now, reason="seen")
        as_lead.get(url(incident) + tab)
        with django_assert_max_num_queries(20):
            assert as_lead.get(url(incident) + tab).status_code == 200

    def test_clocks_explain_their_due_date(self, as_lead: Client, incident: Incident) -> None:
        text = as_lead.get(url(incident) + "?tab=clocks").text
        assert "Why then" in text
        assert "Mon 9 March 2026, 11:15 (Berlin)" in text

    def test_the_timeline_shows_words_of_people(
        self, as_lead: Client, incident: Incident, lead: User, now: datetime
    ) -> None:
        apply(incident, "acknowledge", actor=lead, at=now, reason="I look at the queue.")
        assert "I look at the queue." in as_lead.get(url(incident)).text

    def test_an_unknown_one_is_not_found(self, as_lead: Client, incident: Incident) -> None:
        assert as_lead.get(url(incident) + "?tab=nothing").status_code == 404

    def test_the_history_names_changed_columns(
        self, as_lead: Client, incident: Incident, lead: User, now: datetime
    ) -> None:
        apply(incident, "acknowledge", actor=lead, at=now)
        assert "acknowledged_at" in as_lead.get(url(incident) + "?tab=history").text


class TestNotes:
    def test_a_note_is_kept_with_its_true_time(
        self, as_lead: Client, incident: Incident, lead: User, now: datetime
    ) -> None:
        as_lead.post(url(incident, "note/"), {"text": "The provider called.", "at": "2026-03-09T10:30"})
        note = Note.objects.get()
        assert (note.text, note.author, note.recorded_at) == ("The provider called.", lead, now)
        assert note.at == datetime(2026, 3, 9, 9, 30, tzinfo=UTC)

    def test_an_empty_one_is_refused_at_its_field(self, as_lead: Client, incident: Incident) -> None:
        assert "text" in as_lead.post(url(incident, "note/"), {"text": " "}).context["form"].errors

    def test_an_auditor_reads_and_writes_none(self, as_person: Callable[[User], Client], incident: Incident) -> None:
        client = as_person(factories.person(Role.AUDITOR))
        assert client.get(url(incident)).context["note_form"] is None
        assert client.post(url(incident, "note/"), {"text": "x"}).status_code == 403


class TestEditing:
    def test_it_offers_no_column_that_a_step_owns(self, as_lead: Client, incident: Incident) -> None:
        assert list(as_lead.get(url(incident) + "?tab=edit").context["adminform"].form.fields) == [
            "title",
            "owner",
            "description",
        ]

    def test_it_changes_through_the_service_and_the_trail_knows(self, as_lead: Client, incident: Incident) -> None:
        values = {
            "title": "Nothing leaves",
            "owner": incident.owner_id,
            "description": "",
            "seen_version": incident.version,
        }
        assert as_lead.post(url(incident) + "?tab=edit", values).status_code == 302
        incident.refresh_from_db()
        assert (incident.title, incident.version) == ("Nothing leaves", 1)
        entry = AuditEntry.objects.get(action="case.changed")
        assert entry.fields == ["title"]
        assert "Nothing" not in str(entry.detail)

    def test_it_cannot_smuggle_in_a_state(self, as_lead: Client, incident: Incident) -> None:
        values = {
            "title": "Nothing leaves",
            "owner": "",
            "description": "",
            "seen_version": incident.version,
            "state": "closed",
            "scope": "x",
        }
        as_lead.post(url(incident), values)
        incident.refresh_from_db()
        assert (incident.state, incident.scope) == ("detected", "All candidates")

    def test_it_is_refused_when_somebody_was_faster_and_keeps_what_was_typed(
        self, as_lead: Client, incident: Incident, chief: User, now: datetime
    ) -> None:
        seen = incident.version
        apply(incident, "acknowledge", actor=chief, at=now)
        response = as_lead.post(
            url(incident) + "?tab=edit", {"title": "Typed long", "owner": "", "description": "", "seen_version": seen}
        )
        assert "Somebody changed it since you opened it" in response.text
        assert "Typed long" in response.text
        incident.refresh_from_db()
        assert incident.title == "No invitations leave"

    def test_a_reader_has_no_form(self, as_person: Callable[[User], Client], incident: Incident) -> None:
        client = as_person(factories.person(Role.AUDITOR))
        assert "Edit" not in [label for _key, label, _url in client.get(url(incident)).context["page_tabs"]]
        assert client.post(url(incident), {"title": "x", "seen_version": incident.version}).status_code in {403, 404}


class TestOpening:
    def test_a_case_by_hand_is_as_good_as_any(self, as_lead: Client, jobarium: Any, lead: User) -> None:
        response = as_lead.post(
            "/admin/incidents/incident/add/", {"system": jobarium.pk, "title": "No sign-in", "description": ""}
        )
        incident = Incident.objects.get()
        assert response.headers["Location"] == url(incident)
        assert (incident.title, incident.source) == ("No sign-in", "manual")
        assert incident.next_due_at is not None

    def test_what_is_missing_is_told_at_the_field(self, as_lead: Client, jobarium: Any) -> None:
        response = as_lead.post("/admin/incidents/incident/add/", {"system": jobarium.pk, "title": ""})
        assert "title" in response.context["form"].errors
        assert not Incident.objects.exists()

    def test_a_reader_may_not(self, as_person: Callable[[User], Client], jobarium: Any) -> None:
        client = as_person(factories.person(Role.AUDITOR))
        assert client.get("/admin/incidents/incident/add/").status_code == 403


class TestSharing:
    def test_a_restricted_case_is_shared_with_one_person(
        self, as_lead: Client, as_person: Callable[[User], Client], agent: User, incident: Incident
    ) -> None:
        Incident.objects.filter(pk=incident.pk).update(restricted=True)
        assert as_person(agent).get(url(incident)).status_code == 404
        assert as_lead.post(url(incident, "share/"), {"person": agent.pk}).status_code == 302
        assert as_person(agent).get(url(incident)).status_code == 200
        assert AuditEntry.objects.filter(action="case.shared", object_id=agent.pk).exists()

    def test_an_open_case_is_not_shared(self, as_lead: Client, agent: User, incident: Incident) -> None:
        assert as_lead.post(url(incident, "share/"), {"person": agent.pk}).status_code == 403


class TestRemoving:
    def test_a_passage_goes_and_the_trail_says_who(self, as_lead: Client, incident: Incident, lead: User) -> None:
        Note.objects.create(
            case=incident,
            author=lead,
            at=incident.received_at,
            recorded_at=incident.received_at,
            text="Password is hunter2 here",
        )
        as_lead.post(url(incident, "redact/"), {"passage": "hunter2", "reason": "secret"})
        assert "hunter2" not in Note.objects.get().text
        assert AuditEntry.objects.get(action="case.redacted").actor == lead

    def test_words_that_stand_nowhere_are_told(self, as_lead: Client, incident: Incident) -> None:
        response = as_lead.post(url(incident, "redact/"), {"passage": "never written", "reason": "secret"})
        assert "stand nowhere" in response.text

    def test_support_may_not(self, as_person: Callable[[User], Client], agent: User, incident: Incident) -> None:
        assert (
            as_person(agent).post(url(incident, "redact/"), {"passage": "abc", "reason": "secret"}).status_code == 403
        )


class TestFiles:
    def test_a_file_is_added_listed_and_removed(self, as_lead: Client, incident: Incident) -> None:
        as_lead.post(url(incident, "files/"), {"uploads": SimpleUploadedFile("log.pdf", PDF)})
        stored = StoredFile.objects.get()
        assert "log.pdf" in as_lead.get(url(incident) + "?tab=files").text
        as_lead.post(url(incident, f"files/{stored.pk}/redact/"), {"reason": "personal"})
        stored.refresh_from_db()
        assert not stored.is_readable
        assert "log.pdf" not in as_lead.get(url(incident) + "?tab=files").text

    def test_another_kind_is_refused_at_its_field(self, as_lead: Client, incident: Incident) -> None:
        response = as_lead.post(url(incident, "files/"), {"uploads": SimpleUploadedFile("x.pdf", b"MZ not a pdf")})
        assert "uploads" in response.context["form"].errors
        assert not StoredFile.objects.exists()


def test_a_gravity_that_is_neither_first_nor_second_is_told_calmly(as_lead: Client, incident: Incident) -> None:
    Severity.objects.filter(incidents=incident).update(rank=9)
    assert "badge--info" in as_lead.get(url(incident)).text
