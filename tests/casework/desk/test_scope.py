"""Rows of a case are as visible as the case; columns of a machine are in no form."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.approvals.models import Approval
from config.casework.approvals.services import request_approval
from config.casework.audit.models import AuditEntry
from config.casework.desk.base import owned_columns
from config.casework.desk.scope import scoped
from incidents.models import ActionItem, Incident, Run, RunStep
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(incident: Incident, lead: User, now: datetime) -> ActionItem:
    return ActionItem.objects.create(incident=incident, text="Watch the queue", owner=lead, due_on=now.date())


class TestScope:
    def test_a_child_row_of_a_restricted_case_is_hidden_with_it(
        self, as_lead: Client, as_person: Callable[[User], Client], agent: User, incident: Incident, item: ActionItem
    ) -> None:
        page = f"/admin/incidents/actionitem/{item.pk}/change/"
        assert as_person(agent).get(page).status_code == 200
        Incident.objects.filter(pk=incident.pk).update(restricted=True)
        assert as_person(agent).get(page).status_code == 302  # "does not exist", as for any other number
        assert "Watch the queue" not in as_person(agent).get("/admin/incidents/actionitem/").text
        assert as_lead.get(page).status_code == 200

    def test_paths_over_several_tables_are_followed(self, agent: User, incident: Incident) -> None:
        assert "incidents_incident" in str(scoped(RunStep.objects.all(), agent).query)
        assert "incidents_incident" in str(scoped(Run.objects.all(), agent).query)

    def test_generic_rows_follow_their_case(self, agent: User, lead: User, incident: Incident, now: datetime) -> None:
        approval = request_approval(incident, "test", roles=[Role.CEO], at=now)
        assert list(scoped(Approval.objects.all(), agent)) == [approval]
        Incident.objects.filter(pk=incident.pk).update(restricted=True)
        assert not scoped(Approval.objects.all(), agent)
        assert list(scoped(Approval.objects.all(), lead)) == [approval]

    def test_the_trail_of_a_restricted_case_is_for_those_who_see_it(
        self, as_lead: Client, as_person: Callable[[User], Client], agent: User, incident: Incident
    ) -> None:
        Incident.objects.filter(pk=incident.pk).update(restricted=True)
        row = AuditEntry.objects.filter(case_reference=incident.reference).first()
        assert row is not None
        address = "/admin/casework/auditentry/"
        assert incident.reference not in as_person(agent).get(address).text
        assert as_person(agent).get(f"{address}{row.pk}/change/").status_code == 302
        assert incident.reference in as_lead.get(address).text


class TestMachinesColumns:
    def test_a_state_is_in_no_form(self, as_lead: Client, item: ActionItem) -> None:
        assert "state" in owned_columns(ActionItem)
        form = as_lead.get(f"/admin/incidents/actionitem/{item.pk}/change/").context["adminform"].form
        assert owned_columns(ActionItem).isdisjoint(form.fields)

    def test_a_forced_post_leaves_it_as_it_was(self, as_lead: Client, item: ActionItem, now: datetime) -> None:
        values = {
            "incident": item.incident_id,
            "text": "x",
            "kind": item.kind,
            "owner": item.owner_id,
            "due_on": now.date(),
            "state": "done",
        }
        as_lead.post(f"/admin/incidents/actionitem/{item.pk}/change/", values)
        item.refresh_from_db()
        assert item.state != "done"


def test_a_stranger_sees_nothing_of_others(stranger: User, incident: Incident, item: ActionItem) -> None:
    assert not scoped(ActionItem.objects.all(), stranger)
    assert factories.organization("acme").pk in stranger.organization_ids
