"""Steps from the page of a case: asked for, refused in words, taken once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.cases.models import Note
from config.casework.transitions import apply
from incidents.models import Incident, Mitigation, Severity
from tests import factories

pytestmark = pytest.mark.django_db


def page(incident: Incident, tab: str = "") -> str:
    return f"/admin/incidents/incident/{incident.pk}/change/{tab}"


def step(incident: Incident, name: str) -> str:
    return f"/admin/incidents/incident/{incident.pk}/step/{name}/"


class TestAsking:
    def test_a_get_shows_the_consequence_and_changes_nothing(self, as_lead: Client, incident: Incident) -> None:
        before = AuditEntry.objects.count()
        response = as_lead.get(step(incident, "triage"))
        assert "The clocks follow the severity" in response.text
        incident.refresh_from_db()
        assert incident.state == "detected"
        assert AuditEntry.objects.count() == before

    def test_it_asks_for_demanded_and_optional_fields_alone(self, as_lead: Client, incident: Incident) -> None:
        form = as_lead.get(step(incident, "triage")).context["form"]
        assert list(form.fields) == ["version", "severity", "scope", "data_loss_risk", "impacts_hiring", "reason"]

    def test_columns_that_only_the_machine_sets_are_not_asked(self, as_lead: Client, incident: Incident) -> None:
        form = as_lead.get(step(incident, "acknowledge")).context["form"]
        assert list(form.fields) == ["version", "at", "reason"]

    def test_a_key_offers_the_few_rows_that_fit(self, as_lead: Client, incident: Incident) -> None:
        other = factories.system("other", calendar=None)
        foreign = Severity.objects.create(system=other, key="P0", name="P0", meaning="m", rank=1)
        offered = as_lead.get(step(incident, "triage")).context["form"].fields["severity"].queryset
        assert foreign not in offered
        assert offered.count() == 3

    def test_what_stands_in_the_way_is_said_before_anything_is_typed(
        self, as_lead: Client, incident: Incident, lead: User, now: datetime
    ) -> None:
        apply(incident, "acknowledge", actor=lead, at=now)
        assert "Lea Lead has it already." in as_lead.get(step(incident, "acknowledge")).text

    def test_an_unknown_step_is_not_found(self, as_lead: Client, incident: Incident) -> None:
        assert as_lead.get(step(incident, "explode")).status_code == 404


class TestTaking:
    def test_it_takes_the_step_with_fields_and_reason(
        self, as_lead: Client, incident: Incident, lead: User, sev1: Severity
    ) -> None:
        values = {
            "version": incident.version,
            "severity": sev1.pk,
            "scope": "Everybody",
            "data_loss_risk": "on",
            "reason": "The graph says so.",
        }
        response = as_lead.post(step(incident, "triage"), values, follow=True)
        assert response.redirect_chain[-1][0] == page(incident)
        incident.refresh_from_db()
        assert (incident.state, incident.scope, incident.data_loss_risk) == ("triaged", "Everybody", True)
        note = Note.objects.get()
        assert (note.text, note.author) == ("The graph says so.", lead)

    def test_only_what_was_changed_is_written_into_the_trail(
        self, as_lead: Client, incident: Incident, sev1: Severity
    ) -> None:
        as_lead.post(step(incident, "triage"), {"version": incident.version, "severity": sev1.pk, "scope": "Everybody"})
        assert AuditEntry.objects.get(action="incident.triaged").fields == ["scope"]

    def test_the_true_time_is_read_in_the_persons_zone(
        self, as_lead: Client, incident: Incident, lead: User, now: datetime
    ) -> None:
        User.objects.filter(pk=lead.pk).update(zone="Europe/Berlin")
        Incident.objects.filter(pk=incident.pk).update(received_at=now - timedelta(hours=1))
        as_lead.post(step(incident, "acknowledge"), {"version": incident.version, "at": "2026-03-09T10:45"})
        incident.refresh_from_db()
        assert incident.acknowledged_at == datetime(2026, 3, 9, 9, 45, tzinfo=UTC)

    def test_a_harmless_first_step_takes_one_click_from_the_head(
        self, as_lead: Client, incident: Incident, now: datetime
    ) -> None:
        head = as_lead.get(page(incident))
        assert head.context["primary"].one_click
        as_lead.post(head.context["primary"].url, {"version": head.context["primary"].version})
        incident.refresh_from_db()
        assert incident.acknowledged_at == now

    def test_a_step_that_demands_fields_is_never_one_click(
        self, as_lead: Client, incident: Incident, lead: User, now: datetime
    ) -> None:
        apply(incident, "acknowledge", actor=lead, at=now)
        primary = as_lead.get(page(incident)).context["primary"]
        assert (primary.label, primary.one_click) == ("Triage", False)

    def test_it_needs_a_token_against_forgery(self, lead: User, incident: Incident) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(lead)
        assert client.post(step(incident, "acknowledge"), {}).status_code == 403


class TestRefusing:
    def test_a_missing_field_is_told_at_the_field_and_the_rest_is_kept(
        self, as_lead: Client, incident: Incident, sev1: Severity
    ) -> None:
        response = as_lead.post(
            step(incident, "triage"),
            {"version": incident.version, "severity": sev1.pk, "scope": "", "reason": "typed long"},
        )
        assert "scope" in response.context["form"].errors
        assert "typed long" in response.text
        incident.refresh_from_db()
        assert incident.state == "detected"

    def test_a_guard_says_what_is_missing(self, as_lead: Client, incident: Incident, lead: User) -> None:
        apply(incident, "triage", actor=lead, severity=incident.severity, scope="x")
        response = as_lead.post(step(incident, "stabilize"), {"version": incident.version, "reason": "better now"})
        assert "Record the measure that was taken" in response.text
        assert "better now" in response.text

    def test_a_forced_post_of_a_step_that_does_not_fit_changes_nothing(
        self, as_lead: Client, incident: Incident
    ) -> None:
        before = AuditEntry.objects.count()
        response = as_lead.post(
            step(incident, "close"), {"version": incident.version, "cause": "c", "fix_reference": "f"}
        )
        assert "Resolve it first" in response.text
        incident.refresh_from_db()
        assert (incident.state, incident.cause) == ("detected", "")
        assert AuditEntry.objects.count() == before

    def test_it_says_who_was_faster(
        self, as_lead: Client, incident: Incident, chief: User, now: datetime, sev1: Severity
    ) -> None:
        seen = incident.version
        apply(Incident.objects.get(pk=incident.pk), "triage", actor=chief, severity=sev1, scope="All")
        response = as_lead.post(step(incident, "triage"), {"version": seen, "severity": sev1.pk, "scope": "mine"})
        assert "Carl Chief was faster" in response.text
        incident.refresh_from_db()
        assert incident.scope == "All"

    def test_after_a_stale_answer_one_may_repeat_on_what_one_sees_now(
        self, as_lead: Client, incident: Incident, chief: User, now: datetime, sev1: Severity
    ) -> None:
        seen = incident.version
        apply(Incident.objects.get(pk=incident.pk), "acknowledge", actor=chief, at=now)
        stale = as_lead.post(step(incident, "triage"), {"version": seen, "severity": sev1.pk, "scope": "mine"})
        assert "was faster" in stale.text
        again = as_lead.post(
            step(incident, "triage"),
            {"version": stale.context["form"]["version"].value(), "severity": sev1.pk, "scope": "mine"},
        )
        assert again.status_code == 302

    def test_a_time_in_the_future_is_told_at_its_field(self, as_lead: Client, incident: Incident) -> None:
        response = as_lead.post(step(incident, "acknowledge"), {"version": incident.version, "at": "2026-03-10T10:45"})
        assert "at" in response.context["form"].errors

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.PRIVACY, Role.REVIEWER])
    def test_a_reader_is_refused(self, as_person: Callable[[User], Client], incident: Incident, role: Role) -> None:
        client = as_person(factories.person(role))
        assert client.post(step(incident, "acknowledge"), {"version": 0}).status_code == 403
        incident.refresh_from_db()
        assert incident.acknowledged_at is None
        assert client.get(page(incident)).context["primary"] is None


class TestChildRows:
    def test_a_row_has_the_buttons_its_state_allows(self, as_lead: Client, incident: Incident, now: datetime) -> None:
        row = Mitigation.objects.create(incident=incident, text="Fall back to mail", applied_at=now)
        address = f"/admin/incidents/incident/{incident.pk}/mitigation/{row.pk}/step/revert/"
        assert address in as_lead.get(page(incident, "?tab=mitigation")).text
        as_lead.post(address, {"version": row.version, "effect": "back to normal"})
        row.refresh_from_db()
        assert (row.status, row.effect, row.reverted_at) == ("reverted", "back to normal", now)
        assert address not in as_lead.get(page(incident, "?tab=mitigation")).text

    def test_a_row_of_another_case_is_not_found(
        self, as_lead: Client, incident: Incident, now: datetime, lead: User
    ) -> None:
        other = Incident.objects.create(
            reference="INC-2026-900000",
            system=incident.system,
            organization=incident.organization,
            title="x",
            received_at=now,
        )
        row = Mitigation.objects.create(incident=other, text="t", applied_at=now)
        assert (
            as_lead.post(
                f"/admin/incidents/incident/{incident.pk}/mitigation/{row.pk}/step/revert/", {"effect": "e"}
            ).status_code
            == 404
        )

    def test_a_new_row_goes_through_its_service(self, as_lead: Client, incident: Incident, now: datetime) -> None:
        as_lead.post(
            f"/admin/incidents/incident/{incident.pk}/mitigation/add/",
            {"text": "Fall back to mail", "expires_at": "2026-03-09T14:00"},
        )
        row = Mitigation.objects.get()
        assert (row.incident, row.temporary, row.applied_at) == (incident, True, now)

    def test_a_reader_adds_none(self, as_person: Callable[[User], Client], incident: Incident) -> None:
        client = as_person(factories.person(Role.AUDITOR))
        assert client.post(f"/admin/incidents/incident/{incident.pk}/mitigation/add/", {"text": "x"}).status_code == 403
        assert not Mitigation.objects.exists()
