"""Assessments and the hiring check by HTTP."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from config.casework.access.choices import Scope
from config.casework.access.services import issue_token
from config.casework.links.services import look
from disputes.assessments.choices import Standing
from disputes.assessments.models import Assessment, AssessmentVersion, LabelView
from disputes.assessments.notices import PURPOSE
from disputes.assessments.services import mark_under_review, set_outcome
from disputes.hiring.models import HiringDecision, RefusedAttempt
from tests import factories
from tests.disputes.makers import LABEL

pytestmark = pytest.mark.django_db
URL = "/api/assessments/jobarium/a-1"


@pytest.fixture
def client(now: datetime) -> Client:
    factories.system()
    token = issue_token("platform", [Scope.DISPUTES], actor=None, at=now)
    return Client(headers={"Authorization": f"Bearer {token}"})


def body(now: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "candidate_ref": "cand-1",
        "label": LABEL,
        "confidence": 0.91,
        "reason_codes": ["paste_burst"],
        "telemetry": {"expected": 100, "received": 97, "gaps": [{"from": 3, "to": 6}]},
        "model_version": "m-1",
        "rules_version": "r-1",
        "assessed_at": (now - timedelta(hours=1)).isoformat(),
        "candidate_informed_at": now.isoformat(),
    } | fields


def put(client: Client, now: datetime, url: str = URL, **fields: Any) -> Any:
    return client.put(url, json.dumps(body(now, **fields)), content_type="application/json")


def check(client: Client, *reasons: str, **fields: Any) -> Any:
    payload = {"assessment": "jobarium/a-1", "reasons": list(reasons), **fields}
    return client.post("/api/hiring-decisions/check", json.dumps(payload), content_type="application/json")


def fields_of(response: Any) -> list[str]:
    return [error["field"] for error in response.json()["errors"]]


class TestPut:
    def test_a_new_one_answers_201_and_a_known_one_200(self, client: Client, now: datetime) -> None:
        assert [put(client, now).status_code, put(client, now).status_code] == [201, 200]
        assert AssessmentVersion.objects.count() == 1

    def test_the_link_opens_the_dispute_of_this_assessment(self, client: Client, now: datetime) -> None:
        url = put(client, now).json()["dispute_url"]
        grant = look(url.rstrip("/").rpartition("/")[2], PURPOSE, now)
        assert grant.object == Assessment.objects.get()

    def test_unknown_fields_are_kept(self, client: Client, now: datetime) -> None:
        assert put(client, now, proctor="north").status_code == 201
        assert AssessmentVersion.objects.get().extra == {"proctor": "north"}

    def test_an_unknown_system_is_404(self, client: Client, now: datetime) -> None:
        assert put(client, now, url="/api/assessments/nobody/a-1").status_code == 404

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("confidence", 1.5),
            ("confidence", True),
            ("label", ""),
            ("assessed_at", "2026-03-09T10:00:00"),
            ("organization", "nobody"),
            ("reason_codes", ["a\x00b"]),
        ],
    )
    def test_a_bad_value_is_422_and_nothing_is_kept(
        self, client: Client, now: datetime, field: str, value: Any
    ) -> None:
        response = put(client, now, **{field: value})
        assert response.status_code == 422
        assert fields_of(response)[0].startswith(field)
        assert not Assessment.objects.exists()

    def test_every_bad_field_is_named(self, client: Client, now: datetime) -> None:
        assert {"confidence", "model_version"} <= set(fields_of(put(client, now, confidence=-1, model_version="")))

    def test_an_address_that_is_none_is_named(self, client: Client, now: datetime) -> None:
        assert fields_of(put(client, now, candidate={"email": "nobody"})) == ["candidate.email"]

    def test_another_organisation_cannot_take_it_over(self, client: Client, now: datetime) -> None:
        factories.organization("acme")
        factories.organization("other")
        put(client, now, organization="acme")
        assert fields_of(put(client, now, organization="other")) == ["organization"]

    def test_without_a_token_or_its_scope_it_is_refused(self, client: Client, now: datetime) -> None:
        wrong = issue_token("alerts", [Scope.ALERTS], actor=None, at=now)
        assert put(Client(), now).status_code == 401
        assert put(Client(headers={"Authorization": f"Bearer {wrong}"}), now).status_code == 403


class TestStanding:
    def test_a_told_label_is_shown_and_the_view_is_kept(self, client: Client, now: datetime) -> None:
        put(client, now)
        answer = client.get(f"{URL}/standing", {"viewer": "recruiter-7"}).json()
        assert (answer["label"], answer["status"], answer["auto_reject_allowed"]) == (LABEL, "final", False)
        assert LabelView.objects.get().viewer == "recruiter-7"

    def test_a_second_look_counts_on_the_same_row(self, client: Client, now: datetime) -> None:
        put(client, now)
        client.get(f"{URL}/standing")
        client.get(f"{URL}/standing")
        assert LabelView.objects.get().times == 2

    def test_an_untold_label_is_hidden_and_no_view_is_kept(self, client: Client, now: datetime) -> None:
        put(client, now, candidate_informed_at=None)
        answer = client.get(f"{URL}/standing").json()
        assert (answer["label"], answer["status"], answer["candidate_informed_at"]) == (None, "not_assessed", None)
        assert not LabelView.objects.exists()

    def test_the_confirmation_of_the_platform_shows_it(self, client: Client, now: datetime) -> None:
        put(client, now, candidate_informed_at=None)
        put(client, now)
        assert client.get(f"{URL}/standing").json()["label"] == LABEL

    def test_under_review_nothing_of_the_result_is_shown(self, client: Client, now: datetime) -> None:
        put(client, now)
        mark_under_review(Assessment.objects.get(), actor=None, at=now)
        text = client.get(f"{URL}/standing").content.decode()
        assert json.loads(text)["status"] == "under_review"
        assert not [word for word in (LABEL, "0.91", "paste_burst") if word in text]

    def test_an_unknown_one_is_404(self, client: Client) -> None:
        assert client.get("/api/assessments/jobarium/nobody/standing").status_code == 404


class TestHiringCheck:
    @pytest.mark.parametrize(
        ("reasons", "allowed"),
        [
            (["authenticity"], False),
            (["authenticity", "other"], False),
            (["authenticity", "authenticity"], False),
            (["other"], True),
            (["authenticity", "skills"], True),
            (["skills"], True),
        ],
    )
    def test_authenticity_alone_is_never_enough(
        self, client: Client, now: datetime, reasons: list[str], allowed: bool
    ) -> None:
        put(client, now)
        answer = check(client, *reasons, decision="reject")
        assert (answer.status_code, answer.json()["allowed"]) == (200, allowed)
        assert RefusedAttempt.objects.exists() is not allowed
        assert HiringDecision.objects.exists() is allowed

    def test_asking_alone_keeps_no_decision(self, client: Client, now: datetime) -> None:
        put(client, now)
        assert check(client, "skills").json()["allowed"] is True
        assert not HiringDecision.objects.exists()

    @pytest.mark.parametrize("outcome", [None, "label_removed", "withdrawn_undecided"])
    def test_under_review_or_removed_it_counts_as_no_reason(
        self, client: Client, now: datetime, outcome: str | None
    ) -> None:
        put(client, now)
        contested = mark_under_review(Assessment.objects.get(), actor=None, at=now)
        if outcome:
            set_outcome(contested, Standing(outcome), actor=None, at=now)
        both, alone = check(client, "authenticity", "skills").json(), check(client, "authenticity").json()
        assert (both["allowed"], alone["allowed"]) == (True, False)
        assert "counts as no reason" in both["why"]
        assert "counts as no reason" in alone["why"]

    def test_it_says_until_when_the_review_is_open(self, client: Client, now: datetime) -> None:
        put(client, now)
        assert "review_open_until" not in check(client, "skills").json()
        until = now + timedelta(days=5)
        mark_under_review(Assessment.objects.get(), actor=None, at=now, review_open_until=until)
        assert datetime.fromisoformat(check(client, "skills").json()["review_open_until"]) == until

    def test_advancing_is_always_allowed(self, client: Client, now: datetime) -> None:
        put(client, now)
        assert check(client, "authenticity", decision="advance").json()["allowed"] is True

    def test_no_reason_and_unknown_ones_are_named(self, client: Client, now: datetime) -> None:
        put(client, now)
        assert (check(client).status_code, fields_of(check(client))) == (422, ["reasons"])
        assert fields_of(check(client, "skills", "horoscope")) == ["reasons[1]"]

    @pytest.mark.parametrize("name", ["jobarium/nobody", "nobody/a-1", "a-1", ""])
    def test_an_unknown_assessment_is_404(self, client: Client, now: datetime, name: str) -> None:
        put(client, now)
        assert check(client, "skills", assessment=name).status_code == 404

    def test_another_organisation_is_refused(self, client: Client, now: datetime) -> None:
        put(client, now)
        assert fields_of(check(client, "skills", organization="other")) == ["organization"]
