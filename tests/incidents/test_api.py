"""Cases by HTTP: list, read, report, take steps."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from config.casework import clock
from config.casework.access.choices import Scope
from config.casework.access.models import User
from config.casework.access.services import issue_token
from config.casework.catalogue.models import System
from config.casework.transitions import apply
from incidents.models import Incident
from incidents.services import open_incident
from tests import factories

AT = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Caller:
    """A client with a token."""

    def __init__(self, *scopes: Scope) -> None:
        self.client = Client()
        self.headers = {"authorization": f"Bearer {issue_token('test', scopes, actor=None, at=AT)}"}

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(path, query, headers=self.headers)

    def post(self, path: str, **body: Any) -> Any:
        return self.client.post(path, json.dumps(body), content_type="application/json", headers=self.headers)


@pytest.fixture
def api(db: None) -> Caller:
    return Caller(Scope.CASES)


def fields(answer: Any) -> set[str]:
    assert answer.status_code == 422
    return {error["field"] for error in answer.json()["errors"]}


class TestReport:
    def test_it_opens_an_incident_with_its_clocks(self, api: Caller, jobarium: System, now: datetime) -> None:
        answer = api.post(
            "/api/incidents", system="jobarium", title="No invites leave", severity="SEV-1", description="x"
        )
        assert answer.status_code == 201
        case = answer.json()
        incident = Incident.objects.get(reference=case["ref"])
        assert (incident.title, incident.description, incident.received_at) == ("No invites leave", "x", now)
        assert case.keys() == {
            "ref", "kind", "system", "organization", "title", "state", "severity", "owner", "received_at", "acknowledged_at", "clocks", "timeline",
        }  # fmt: skip
        assert (case["kind"], case["system"], case["state"], case["severity"]) == (
            "incident",
            "jobarium",
            "detected",
            "SEV-1",
        )
        assert case["received_at"] == "2026-03-09T10:00:00Z"
        clocks = {row["name"]: row for row in case["clocks"]}
        assert clocks["acknowledge"] == {
            "name": "acknowledge",
            "due_at": "2026-03-09T10:15:00Z",
            "met_at": None,
            "breached": False,
        }
        assert case["timeline"][-1]["actor"].startswith("token:")

    def test_severity_may_wait(self, api: Caller, jobarium: System) -> None:
        assert api.post("/api/incidents", system="jobarium", title="Odd").json()["severity"] is None

    def test_the_same_key_gives_the_first_one(self, api: Caller, jobarium: System) -> None:
        body = {"system": "jobarium", "title": "Odd", "idempotency_key": "k1"}
        first, second = api.post("/api/incidents", **body), api.post("/api/incidents", **body)
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json()["ref"] == second.json()["ref"]
        assert Incident.objects.count() == 1

    def test_the_same_key_with_other_content_is_a_conflict(self, api: Caller, jobarium: System) -> None:
        api.post("/api/incidents", system="jobarium", title="Odd", idempotency_key="k1")
        assert api.post("/api/incidents", system="jobarium", title="Other", idempotency_key="k1").status_code == 409
        assert Incident.objects.count() == 1

    @pytest.mark.parametrize(
        ("body", "wrong"),
        [
            ({"system": "nowhere", "title": "x"}, {"system"}),
            ({"system": "jobarium", "title": "x", "severity": "P0"}, {"severity"}),
            ({"system": "jobarium", "title": ""}, {"title"}),
            ({"system": "jobarium", "title": "   "}, {"title"}),
            ({"system": "jobarium", "title": "x" * 201}, {"title"}),
            ({}, {"system", "title"}),
        ],
    )
    def test_bad_values_are_named_and_nothing_is_kept(
        self, api: Caller, jobarium: System, body: dict[str, Any], wrong: set[str]
    ) -> None:
        assert fields(api.post("/api/incidents", **body)) == wrong
        assert not Incident.objects.exists()

    def test_another_scope_may_not(self, jobarium: System) -> None:
        assert Caller(Scope.ALERTS).post("/api/incidents", system="jobarium", title="x").status_code == 403


class TestReading:
    def test_no_name_and_nothing_people_wrote_is_shown(
        self, api: Caller, incident: Incident, lead: User, now: datetime
    ) -> None:
        Incident.objects.filter(pk=incident.pk).update(owner=lead, description="Ask Mr Secret")
        apply(Incident.objects.get(), "acknowledge", actor=lead, at=now, reason="Mr Secret called")
        answer = api.get(f"/api/cases/{incident.reference.lower()}")
        assert answer.status_code == 200
        case = answer.json()
        assert case["owner"] == str(lead)
        assert case["acknowledged_at"] == "2026-03-09T10:00:00Z"
        text = answer.content.decode()
        assert "Secret" not in text
        assert lead.name not in text
        assert lead.email not in text

    @pytest.mark.parametrize("reference", ["INC-2026-999999", "XYZ-1", "nothing", "%00", "INC-%F0%9F%92%A9"])
    def test_an_unknown_reference_is_not_found(self, api: Caller, reference: str) -> None:
        answer = api.get(f"/api/cases/{reference}")
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"

    def test_a_restricted_case_is_not_there(self, api: Caller, incident: Incident) -> None:
        Incident.objects.update(restricted=True)
        assert api.get(f"/api/cases/{incident.reference}").status_code == 404
        assert api.get("/api/cases").json()["items"] == []

    def test_a_late_clock_says_so(self, api: Caller, incident: Incident, now: datetime) -> None:
        with clock.at(now + 16 * MINUTE):
            clocks = {
                row["name"]: row["breached"] for row in api.get(f"/api/cases/{incident.reference}").json()["clocks"]
            }
        assert (clocks["acknowledge"], clocks["mitigate"]) == (True, False)


class TestList:
    @pytest.fixture
    def five(self, jobarium: System, now: datetime) -> list[str]:
        """References of five incidents, newest first; the last two were received at the same moment."""
        moments = [now, now, now + MINUTE, now + 2 * MINUTE, now + 3 * MINUTE]
        made = [open_incident(jobarium, title=f"No {number}", actor=None, at=at) for number, at in enumerate(moments)]
        return [incident.reference for incident in reversed(made)]

    def test_pages_follow_each_other(self, api: Caller, five: list[str]) -> None:
        seen: list[str] = []
        cursor = ""
        while True:
            page = api.get("/api/cases", limit=2, cursor=cursor).json()
            seen += [item["ref"] for item in page["items"]]
            if page["next"] is None:
                break
            cursor = page["next"]
        assert seen == five

    def test_an_empty_list_is_a_list(self, api: Caller) -> None:
        assert api.get("/api/cases").json() == {"items": [], "next": None}

    def test_it_narrows_by_system_state_and_openness(
        self, api: Caller, five: list[str], lead: User, now: datetime
    ) -> None:
        factories.system("jobsentinel")
        done = Incident.objects.get(reference=five[0])
        apply(done, "resolve", actor=lead, at=now + 3 * MINUTE)

        def refs(**query: Any) -> list[str]:
            return [item["ref"] for item in api.get("/api/cases", **query).json()["items"]]

        assert refs(open="true") == five[1:]
        assert refs(open="false") == five[:1]
        assert refs(state="resolved") == five[:1]
        assert refs(system="jobsentinel") == []
        assert refs(kind="incident", system="jobarium", state="detected", limit=1) == five[1:2]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"limit": 0}, "limit"),
            ({"limit": 101}, "limit"),
            ({"limit": "x"}, "limit"),
            ({"cursor": "x"}, "cursor"),
            ({"cursor": "WzEsMiwzXQ"}, "cursor"),
            ({"kind": "riddle"}, "kind"),
            ({"state": "asleep"}, "state"),
            ({"system": "nowhere"}, "system"),
            ({"open": "perhaps"}, "open"),
            ({"system": "a\x00"}, "system"),
        ],
    )
    def test_bad_filters_are_named(self, api: Caller, query: dict[str, Any], field: str) -> None:
        assert fields(api.get("/api/cases", **query)) == {field}

    def test_a_hundred_rows_cost_as_many_questions_as_one(
        self, api: Caller, five: list[str], django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(7):  # one for each kind of case, and who asks
            assert len(api.get("/api/cases").json()["items"]) == 5


class TestSteps:
    def step(self, api: Caller, incident: Incident, name: str, **body: Any) -> Any:
        return api.post(f"/api/cases/{incident.reference}/{name}", **body)

    def test_triage_takes_a_severity_by_its_key(self, api: Caller, incident: Incident) -> None:
        answer = self.step(api, incident, "triage", severity="SEV-2", scope="All of Europe", further="kept aside")
        assert answer.status_code == 200
        assert (answer.json()["state"], answer.json()["severity"]) == ("triaged", "SEV-2")

    def test_what_a_step_demands_is_named(self, api: Caller, incident: Incident) -> None:
        assert fields(self.step(api, incident, "triage", severity="SEV-2")) == {"scope"}
        assert fields(self.step(api, incident, "triage", severity="P0", scope=5)) == {"severity", "scope"}
        assert fields(self.step(api, incident, "triage", severity="SEV-2", scope="x", data_loss_risk="yes")) == {
            "data_loss_risk"
        }
        incident.refresh_from_db()
        assert incident.state == "detected"

    def test_a_step_without_a_body_is_taken(self, api: Caller, incident: Incident) -> None:
        path = f"/api/cases/{incident.reference}/acknowledge"
        answer = api.client.post(path, "", content_type="application/json", headers=api.headers)
        assert answer.status_code == 200
        assert answer.json()["acknowledged_at"] == "2026-03-09T10:00:00Z"

    def test_a_state_that_forbids_it_is_a_conflict_with_the_reason(self, api: Caller, incident: Incident) -> None:
        answer = self.step(api, incident, "stabilize", no_mitigation_reason="none needed")
        assert answer.status_code == 409
        assert "Triage" in answer.json()["detail"]

    def test_stabilising_brings_its_measure_along(self, api: Caller, incident: Incident) -> None:
        self.step(api, incident, "triage", severity="SEV-1", scope="all")
        assert self.step(api, incident, "stabilize").status_code == 409
        answer = self.step(api, incident, "stabilize", mitigation="Second mail path")
        assert answer.json()["state"] == "stabilized"
        assert incident.mitigations.get().text == "Second mail path"
        assert {row["name"]: bool(row["met_at"]) for row in answer.json()["clocks"]}["mitigate"]

    def test_a_measure_of_a_refused_step_is_not_kept(self, api: Caller, incident: Incident) -> None:
        assert self.step(api, incident, "stabilize", mitigation="x").status_code == 409
        assert not incident.mitigations.exists()

    def test_true_times_are_taken_and_future_ones_are_not(self, api: Caller, incident: Incident, now: datetime) -> None:
        with clock.at(now + 30 * MINUTE):
            assert self.step(api, incident, "resolve", at="2026-03-09T10:20:00Z").status_code == 200
            assert fields(self.step(api, incident, "impact_over", at="2026-03-09T10:36:00Z")) == {"at"}
            assert fields(self.step(api, incident, "impact_over", at="2026-03-09T10:20:00")) == {"at"}
        incident.refresh_from_db()
        assert incident.resolved_at == now + 20 * MINUTE

    def test_a_late_acknowledgement_is_an_entry_only(self, api: Caller, incident: Incident) -> None:
        self.step(api, incident, "resolve")
        answer = self.step(api, incident, "acknowledge")
        assert (answer.status_code, answer.json()["state"]) == (200, "resolved")

    def test_closing_needs_more_than_its_fields(self, api: Caller, incident: Incident) -> None:
        self.step(api, incident, "triage", severity="SEV-1", scope="all")
        self.step(api, incident, "resolve")
        assert fields(self.step(api, incident, "close")) == {"cause", "fix_reference"}
        assert (
            self.step(api, incident, "close", cause="x", fix_reference="y", no_communication_reason="z").status_code
            == 409
        )

    def test_the_same_key_takes_the_step_once(self, api: Caller, incident: Incident) -> None:
        first = self.step(api, incident, "resolve", idempotency_key="k")
        second = self.step(api, incident, "resolve", idempotency_key="k")
        assert (first.status_code, second.status_code) == (200, 200)
        assert self.step(api, incident, "resolve").status_code == 409

    def test_nobody_sets_what_the_desk_keeps_to_itself(self, api: Caller, incident: Incident) -> None:
        self.step(api, incident, "acknowledge", acknowledgement_provisional=True)
        incident.refresh_from_db()
        assert not incident.acknowledgement_provisional

    def test_an_unknown_step_or_case_is_not_found(self, api: Caller, incident: Incident) -> None:
        assert self.step(api, incident, "dance").status_code == 404
        assert api.post("/api/cases/INC-2026-999999/resolve").status_code == 404
