"""People, tokens, the trail and parked work in the admin."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client

from config.casework.access.choices import Role
from config.casework.access.models import ApiToken, User
from config.casework.access.services import digest, issue_token
from config.casework.audit.models import AuditEntry
from config.casework.desk.base import DeskAdmin
from config.casework.work.models import Job
from incidents.models import Incident
from tests import factories

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/casework/user/"


def entry(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("pk")


class TestPeople:
    def test_a_new_person_gets_a_password_shown_once(self, as_lead: Client) -> None:
        page = as_lead.post(f"{PEOPLE}add/", {"email": "New@Example.com", "name": "Nora New", "roles": ["support"]})
        password = page.context["shown_once"].value
        person = User.objects.get(email="new@example.com")
        assert person.check_password(password)
        assert person.must_change_password
        assert (person.roles, person.is_staff) == (frozenset({Role.SUPPORT}), True)

    def test_roles_change_through_the_service(self, as_lead: Client, agent: User, lead: User) -> None:
        page = as_lead.get(f"{PEOPLE}{agent.pk}/change/")
        form = page.context["adminform"].form
        assert "is_superuser" not in form.fields
        assert "password" not in form.fields
        values = {
            "name": "Ana Agent",
            "phone": "",
            "language": "en-gb",
            "zone": "Europe/Paris",
            "roles": ["auditor"],
            **management(page),
        }
        assert as_lead.post(f"{PEOPLE}{agent.pk}/change/", values).status_code == 302
        agent = User.objects.get(pk=agent.pk)
        assert (agent.roles, agent.zone) == (frozenset({Role.AUDITOR}), "Europe/Paris")
        assert (entry("person.roles_changed").actor, entry("person.roles_changed").detail["roles"]) == (
            lead,
            ["auditor"],
        )
        assert entry("person.changed").fields == ["zone"]

    def test_nobody_changes_their_own_roles(self, as_lead: Client, lead: User) -> None:
        page = as_lead.get(f"{PEOPLE}{lead.pk}/change/")
        values = {
            "name": "Lea",
            "phone": "",
            "language": "en-gb",
            "zone": "UTC",
            "roles": ["cto", "ceo"],
            **management(page),
        }
        answer = as_lead.post(f"{PEOPLE}{lead.pk}/change/", values, follow=True)
        assert "Nobody changes their own roles" in answer.text
        assert User.objects.get(pk=lead.pk).roles == {Role.CTO}

    def test_a_zone_that_does_not_exist_is_told_at_its_field(self, as_lead: Client, agent: User) -> None:
        page = as_lead.get(f"{PEOPLE}{agent.pk}/change/")
        values = {
            "name": "A",
            "phone": "",
            "language": "en-gb",
            "zone": "Mars/Base",
            "roles": ["support"],
            **management(page),
        }
        assert "Write it like Europe/Berlin" in as_lead.post(f"{PEOPLE}{agent.pk}/change/", values).text

    def test_a_person_is_deactivated_and_never_deleted(self, as_lead: Client, agent: User) -> None:
        assert as_lead.post(f"{PEOPLE}{agent.pk}/delete/", {"post": "yes"}).status_code == 403
        assert as_lead.get(f"{PEOPLE}{agent.pk}/act/deactivate/").status_code == 200
        assert User.objects.get(pk=agent.pk).is_active
        as_lead.post(f"{PEOPLE}{agent.pk}/act/deactivate/")
        assert not User.objects.get(pk=agent.pk).is_active
        assert as_lead.get(f"{PEOPLE}{agent.pk}/act/password/").status_code == 200
        assert as_lead.post(f"{PEOPLE}{agent.pk}/act/password/").status_code == 404

    def test_nobody_locks_themselves_out(self, as_lead: Client, lead: User) -> None:
        assert "lock yourself out" in as_lead.post(f"{PEOPLE}{lead.pk}/act/deactivate/").text
        assert User.objects.get(pk=lead.pk).is_active

    def test_a_new_one_time_password_replaces_the_old_one(self, as_lead: Client, agent: User) -> None:
        password = as_lead.post(f"{PEOPLE}{agent.pk}/act/password/").context["shown_once"].value
        agent = User.objects.get(pk=agent.pk)
        assert agent.check_password(password)
        assert agent.must_change_password
        assert password not in str(list(AuditEntry.objects.values()))

    def test_support_sees_no_people(self, as_person: Callable[[User], Client], agent: User, lead: User) -> None:
        client = as_person(agent)
        assert client.get(PEOPLE).status_code == 403
        assert client.post(f"{PEOPLE}{lead.pk}/act/password/").status_code == 404


class TestTokens:
    def test_a_token_is_shown_once_and_kept_as_a_digest(self, as_lead: Client, lead: User) -> None:
        page = as_lead.post("/admin/casework/apitoken/add/", {"name": "alertmanager", "scopes": ["alerts"]})
        token = page.context["shown_once"].value
        row = ApiToken.objects.get()
        assert (row.digest, row.created_by) == (digest(token), lead)
        assert token not in as_lead.get(f"/admin/casework/apitoken/{row.pk}/change/").text

    def test_it_is_revoked_with_one_confirmation(self, as_lead: Client, now: datetime) -> None:
        issue_token("x", ["alerts"], actor=None, at=now)  # type: ignore[list-item]
        row = ApiToken.objects.get()
        as_lead.get(f"/admin/casework/apitoken/{row.pk}/act/revoke/")
        row.refresh_from_db()
        assert row.revoked_at is None
        as_lead.post(f"/admin/casework/apitoken/{row.pk}/act/revoke/")
        row.refresh_from_db()
        assert row.revoked_at == now


class TestTrail:
    @pytest.fixture
    def superadmin(self, settings: Any) -> User:
        person = factories.person(Role.CTO, email="root@example.com")
        settings.SUPERADMIN_EMAILS = frozenset({"root@example.com"})
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
        return User.objects.get(pk=person.pk)

    def test_not_even_a_superadmin_changes_it(self, as_person: Callable[[User], Client], superadmin: User) -> None:
        assert superadmin.is_superuser
        client, row = as_person(superadmin), AuditEntry.objects.first()
        assert row is not None
        page = f"/admin/casework/auditentry/{row.pk}/"
        assert client.get(f"{page}change/").status_code == 200
        assert client.post(f"{page}change/", {"action": "forged"}).status_code == 403
        assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 403
        assert client.post("/admin/casework/auditentry/add/", {"action": "forged"}).status_code == 403
        assert not AuditEntry.objects.filter(action="forged").exists()

    def test_it_is_found_by_reference(self, as_lead: Client, incident: Incident) -> None:
        rows = as_lead.get(f"/admin/casework/auditentry/?q={incident.reference}").context["cl"].result_list
        assert {row.case_reference for row in rows} == {incident.reference}

    def test_the_admins_own_log_stays_empty(self, as_lead: Client, incident: Incident) -> None:
        values = {"title": "Nothing leaves", "owner": "", "description": "", "seen_version": incident.version}
        as_lead.post(f"/admin/incidents/incident/{incident.pk}/change/", values)
        assert not LogEntry.objects.exists()


class TestParkedWork:
    def test_it_is_tried_again_from_its_page(self, as_lead: Client, now: datetime) -> None:
        job = Job.objects.create(
            kind="messages.send", key="k", state="parked", parked_reason="permanent", created_at=now
        )
        assert "messages.send" in as_lead.get("/admin/casework/job/").text
        as_lead.post(f"/admin/casework/job/{job.pk}/act/retry/")
        job.refresh_from_db()
        assert job.state == "due"

    def test_the_ceo_reads_it_only(self, as_person: Callable[[User], Client], chief: User, now: datetime) -> None:
        job = Job.objects.create(kind="messages.send", key="k", state="parked", created_at=now)
        assert as_person(chief).get(f"/admin/casework/job/{job.pk}/change/").status_code == 200
        assert as_person(chief).post(f"/admin/casework/job/{job.pk}/act/retry/").status_code == 403


def test_only_our_own_classes_are_in_the_admin() -> None:
    assert all(isinstance(registered, DeskAdmin) for registered in admin.site._registry.values())
    assert not admin.site.is_registered(LogEntry)


def management(page: Any) -> dict[str, Any]:
    """The hidden fields of the formsets on a page."""
    found: dict[str, Any] = {}
    for inline in page.context["inline_admin_formsets"]:
        for form in (inline.formset.management_form, *inline.formset.initial_forms):
            for field in form:
                value = field.value()
                found[field.html_name] = "" if value in (None, False) else value
    return found
