"""Import and export: past no permission, no service and no spreadsheet's formula."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.models import System
from config.casework.desk.exchange import guarded, unguarded
from incidents.models import Incident
from incidents.services import open_incident
from tests import factories

pytestmark = pytest.mark.django_db
ROOT = "/admin/incidents/incident/"
CSV, JSON = 0, 1


def export(client: Client, kind: int = CSV) -> str:
    return client.post(f"{ROOT}export/?queue=all", {"format": kind, "resource": "0"}).text


def upload(client: Client, text: str) -> Any:
    return client.post(
        f"{ROOT}import/", {"import_file": SimpleUploadedFile("rows.csv", text.encode()), "format": CSV, "resource": "0"}
    )


def confirm(client: Client, first: Any) -> Any:
    form = first.context["confirm_form"]
    return client.post(f"{ROOT}process_import/", dict(form.initial), follow=True)


class TestExport:
    def test_only_visible_rows_leave(
        self, as_person: Callable[[User], Client], agent: User, incident: Incident, lead: User, jobarium: System
    ) -> None:
        hidden = open_incident(jobarium, title="Secret", actor=lead, at=incident.received_at)
        Incident.objects.filter(pk=hidden.pk).update(restricted=True, owner=lead)
        rows = list(csv.DictReader(io.StringIO(export(as_person(agent)))))
        assert [row["reference"] for row in rows] == [incident.reference]

    def test_no_cell_is_a_formula(self, as_lead: Client, incident: Incident) -> None:
        Incident.objects.filter(pk=incident.pk).update(title='=HYPERLINK("http://x")')
        (row,) = csv.DictReader(io.StringIO(export(as_lead)))
        assert row["title"] == '\'=HYPERLINK("http://x")'

    def test_json_is_left_as_it_is(self, as_lead: Client, incident: Incident) -> None:
        Incident.objects.filter(pk=incident.pk).update(title="=1")
        assert json.loads(export(as_lead, JSON))[0]["title"] == "=1"

    def test_it_is_written_into_the_trail(self, as_lead: Client, incident: Incident, lead: User) -> None:
        export(as_lead)
        entry = AuditEntry.objects.get(action="incident.exported")
        assert (entry.actor, entry.detail) == (lead, {"rows": 1})

    @pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx"])
    def test_a_guard_comes_off_again(self, text: str) -> None:
        assert guarded(text) == f"'{text}"
        assert unguarded(guarded(text)) == text
        assert guarded("plain") == "plain"
        assert unguarded("'tis") == "'tis"


class TestImport:
    def test_the_first_look_changes_nothing(self, as_lead: Client, jobarium: System) -> None:
        first = upload(as_lead, "reference,system,title\n,jobarium,Mail is slow\n")
        assert "Mail is slow" in first.text
        assert not Incident.objects.exists()
        assert not AuditEntry.objects.filter(action__startswith="incident.").exists()

    def test_a_confirmed_table_goes_through_the_service(self, as_lead: Client, incident: Incident, lead: User) -> None:
        text = f"reference,system,title\n,jobarium,Mail is slow\n{incident.reference},,Renamed\n"
        confirm(as_lead, upload(as_lead, text))
        new = Incident.objects.exclude(pk=incident.pk).get()
        assert (new.title, new.next_due_at is not None) == ("Mail is slow", True)
        incident.refresh_from_db()
        assert (incident.title, incident.version) == ("Renamed", 1)
        entry = AuditEntry.objects.get(action="incident.imported")
        assert (entry.actor, entry.detail) == (lead, {"new": 1, "update": 1})

    def test_a_bad_row_is_named_by_line_and_column_and_nothing_is_offered(
        self, as_lead: Client, jobarium: System
    ) -> None:
        first = upload(as_lead, "reference,system,title\n,jobarium,Good\n,mars,Bad\n")
        assert "Line 3: There is no such system." in first.text
        assert "confirm_form" not in first.context
        assert not Incident.objects.exists()

    def test_a_row_that_became_wrong_stops_all_of_them(
        self, as_lead: Client, jobarium: System, incident: Incident
    ) -> None:
        first = upload(as_lead, f"reference,system,title\n,jobarium,Good\n{incident.reference},,Renamed\n")
        Incident.objects.filter(pk=incident.pk).update(reference="INC-2026-999999")
        assert "Nothing was imported" in confirm(as_lead, first).text
        assert Incident.objects.count() == 1

    def test_a_state_cannot_be_imported(self, as_lead: Client, incident: Incident) -> None:
        first = upload(as_lead, f"reference,system,title,state\n{incident.reference},,x,closed\n")
        assert "There is no such column." in first.text

    def test_whoever_may_not_add_and_change_may_not_import(
        self, as_person: Callable[[User], Client], incident: Incident
    ) -> None:
        reader = as_person(factories.person(Role.AUDITOR))
        assert reader.get(f"{ROOT}import/").status_code == 403
        assert reader.post(f"{ROOT}process_import/", {}).status_code == 403
