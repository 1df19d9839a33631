"""Tables of incidents and action items, out and in again: through the transitions, with each mistake named by line."""

import csv
from collections.abc import Callable
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.transitions import Refused
from incidents.choices import IncidentState
from incidents.imports import import_action_item, import_incident
from incidents.models import ActionItem, Incident
from incidents.reviews.actions import add_action_item
from incidents.reviews.choices import ActionKind, ActionState

INCIDENTS, ITEMS = "/admin/incidents/incident/", "/admin/incidents/actionitem/"


def export(client: Client, root: str) -> list[dict[str, str]]:
    queue = "?queue=all" if root == INCIDENTS else ""
    answer = client.post(f"{root}export/{queue}", {"format": 0, "resource": "0"})
    return list(csv.DictReader(StringIO(answer.text)))


def upload(client: Client, root: str, rows: list[dict[str, str]]) -> Any:
    text = StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    file = SimpleUploadedFile("rows.csv", text.getvalue().encode())
    return client.post(f"{root}import/", {"import_file": file, "format": 0, "resource": "0"})


def confirm(client: Client, root: str, first: Any) -> Any:
    return client.post(f"{root}process_import/", dict(first.context["confirm_form"].initial), follow=True)


@pytest.fixture
def item(incident: Incident, lead: User, agent: User, now: datetime) -> ActionItem:
    return add_action_item(
        incident, actor=lead, at=now, kind=ActionKind.CORRECTIVE, text="Add a test", owner=agent, due_on=now.date()
    )


class TestIncidents:
    def test_what_left_comes_in_again_and_changes_nothing(
        self, as_person: Callable[[User], Client], incident: Incident, lead: User
    ) -> None:
        client = as_person(lead)
        rows = export(client, INCIDENTS)
        assert (rows[0]["reference"], rows[0]["system"], rows[0]["severity"]) == (
            incident.reference,
            "jobarium",
            "SEV-1",
        )
        assert rows[0]["received_at"] == "2026-03-09T10:00:00+00:00"
        first = upload(client, INCIDENTS, rows)
        assert "confirm_form" in first.context, first.text
        confirm(client, INCIDENTS, first)
        before = incident.version
        incident.refresh_from_db()
        assert (incident.version, incident.state) == (before, IncidentState.DETECTED)

    def test_a_row_opens_one_and_a_first_look_changes_nothing(
        self, as_person: Callable[[User], Client], incident: Incident, agent: User
    ) -> None:
        client = as_person(agent)
        first = upload(client, INCIDENTS, [{"system": "jobarium", "title": "Mail is slow", "severity": "SEV-3"}])
        assert Incident.objects.count() == 1
        confirm(client, INCIDENTS, first)
        new = Incident.objects.exclude(pk=incident.pk).get()
        assert (new.title, new.severity.key if new.severity else "") == ("Mail is slow", "SEV-3")
        assert new.next_due_at is not None

    def test_a_state_is_reached_by_the_one_step_that_leads_there(self, incident: Incident, lead: User) -> None:
        row = {"reference": incident.reference, "state": "triaged", "severity": "SEV-2", "scope": "One tenant"}
        import_incident(row, actor=lead)
        incident.refresh_from_db()
        assert (incident.state, incident.scope) == (IncidentState.TRIAGED, "One tenant")
        assert AuditEntry.objects.filter(action="incident.triaged", actor=lead).exists()

    @pytest.mark.parametrize(
        ("row", "column", "words"),
        [
            ({"state": "triaged"}, "scope", "needed"),
            ({"state": "closed"}, "state", "No step leads"),
            ({"state": "gone"}, "state", "no such state"),
            ({"severity": "P0"}, "severity", "no such severity"),
            ({"system": "other"}, "system", "not changed by an import"),
            ({"resolved_at": "2026-03-09T11:00:00+00:00"}, "resolved_at", "not changed by an import"),
            ({"owner": "nobody@example.com"}, "owner", "Nobody"),
            ({"impacts_hiring": "perhaps"}, "impacts_hiring", "yes or no"),
            ({"title": ""}, "title", "needed"),
        ],
    )
    def test_a_mistake_names_its_column(
        self, incident: Incident, lead: User, row: dict[str, str], column: str, words: str
    ) -> None:
        with pytest.raises(ValidationError) as refusal:
            import_incident({"reference": incident.reference} | row, actor=lead)
        assert words in " ".join(refusal.value.message_dict[column])

    def test_it_closes_nothing_that_a_button_would_not(self, incident: Incident, lead: User, agent: User) -> None:
        import_incident({"reference": incident.reference, "state": "resolved"}, actor=lead)
        closing = {"reference": incident.reference, "state": "closed", "cause": "c", "fix_reference": "f"}
        with pytest.raises(PermissionDenied):
            import_incident(closing, actor=agent)
        with pytest.raises(Refused):
            import_incident(closing, actor=lead)
        incident.refresh_from_db()
        assert incident.state == IncidentState.RESOLVED

    def test_one_bad_row_keeps_all_out_and_is_named_by_its_line(
        self, as_person: Callable[[User], Client], incident: Incident, lead: User
    ) -> None:
        rows = [{"system": "jobarium", "title": "Fine"}, {"system": "nowhere", "title": "Wrong"}]
        first = upload(as_person(lead), INCIDENTS, rows)
        assert "Line 3" in first.text
        assert "confirm_form" not in first.context
        assert Incident.objects.count() == 1

    def test_a_hidden_case_is_not_there(self, incident: Incident, agent: User, lead: User) -> None:
        Incident.objects.filter(pk=incident.pk).update(restricted=True, owner=lead)
        with pytest.raises(ValidationError, match="no such incident"):
            import_incident({"reference": incident.reference, "title": "x"}, actor=agent)

    def test_a_reader_may_not(self, as_person: Callable[[User], Client], incident: Incident, stranger: User) -> None:
        with pytest.raises(PermissionDenied):
            import_incident({"system": "jobarium", "title": "x"}, actor=stranger)


class TestActionItems:
    def test_what_left_comes_in_again_and_changes_nothing(
        self, as_person: Callable[[User], Client], item: ActionItem, lead: User
    ) -> None:
        client = as_person(lead)
        rows = export(client, ITEMS)
        assert rows[0]["incident"] == item.incident.reference
        confirm(client, ITEMS, upload(client, ITEMS, rows))
        item.refresh_from_db()
        assert item.version == 0

    def test_a_filter_that_does_not_exist_breaks_nothing(
        self, as_person: Callable[[User], Client], item: ActionItem, lead: User
    ) -> None:
        assert as_person(lead).get(f"{ITEMS}export/?colour=red").headers["Location"] == f"{ITEMS}export/"

    def test_a_row_adds_one(self, item: ActionItem, lead: User, agent: User) -> None:
        row = {
            "incident": item.incident.reference,
            "kind": "preventive",
            "text": "x",
            "owner": agent.email,
            "due_on": "2026-04-01",
        }
        made, is_new = import_action_item(row, actor=lead)
        assert (is_new, made.owner, made.kind) == (True, agent, ActionKind.PREVENTIVE)

    def test_its_end_comes_by_the_step(self, item: ActionItem, agent: User) -> None:
        with pytest.raises(ValidationError) as refusal:
            import_action_item({"id": str(item.pk), "state": "dropped"}, actor=agent)
        assert "outcome" in refusal.value.message_dict
        import_action_item({"id": str(item.pk), "state": "dropped", "outcome": "not worth it"}, actor=agent)
        item.refresh_from_db()
        assert (item.state, item.finished_at is not None) == (ActionState.DROPPED, True)
        import_action_item({"id": str(item.pk), "state": "open", "due_on": "2026-05-01"}, actor=agent)
        item.refresh_from_db()
        assert (item.state, item.due_on.isoformat()) == (ActionState.OPEN, "2026-05-01")

    @pytest.mark.parametrize(
        ("row", "column"),
        [
            ({"id": "0"}, "id"),
            ({"id": "x"}, "id"),
            ({"incident": "INC-2020-000001"}, "incident"),
            ({"incident": "REF", "text": "x"}, "owner"),
            ({"incident": "REF", "due_on": "01.04.2026"}, "due_on"),
            ({"incident": "REF", "kind": "wish"}, "kind"),
            ({"incident": "REF", "state": "done"}, "state"),
        ],
    )
    def test_a_mistake_names_its_column(self, item: ActionItem, lead: User, row: dict[str, str], column: str) -> None:
        given = {name: value.replace("REF", item.incident.reference) for name, value in row.items()}
        with pytest.raises(ValidationError) as refusal:
            import_action_item(given, actor=lead)
        assert column in refusal.value.message_dict
