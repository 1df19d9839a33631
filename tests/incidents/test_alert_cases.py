"""Alerts become cases: the whole way from the sender's call to the incident, also when twenty come at once."""

import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from config.casework.access.choices import Scope
from config.casework.access.models import User
from config.casework.access.services import issue_token
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.models import System
from incidents.choices import UNRESOLVED
from incidents.models import Incident

CALLERS = 20


def body(*, resolved: bool = False) -> str:
    alert = {
        "status": "resolved" if resolved else "firing",
        "labels": {"alertname": "jobarium-cv-parse-failure", "system": "jobarium"},
        "annotations": {},
        "startsAt": "2026-03-09T09:58:00Z",
        "endsAt": "2026-03-09T09:59:30Z" if resolved else "0001-01-01T00:00:00Z",
        "fingerprint": "f1",
    }
    return json.dumps(
        {"version": "4", "groupKey": "g", "status": alert["status"], "receiver": "desk", "alerts": [alert]}
    )


@pytest.mark.django_db(transaction=True)
class TestDelivery:
    @pytest.fixture
    def headers(self, jobarium: System, lead: User, chief: User) -> dict[str, str]:
        token = issue_token("alertmanager", [Scope.ALERTS], actor=None, at=datetime.now(UTC))
        return {"authorization": f"Bearer {token}"}

    def post(self, headers: dict[str, str], text: str) -> Any:
        return Client().post("/api/ingest/alertmanager", text, content_type="application/json", headers=headers)

    def test_twenty_duplicates_at_once_make_one_case(self, headers: dict[str, str]) -> None:
        answers: list[Any] = []
        gate = threading.Barrier(CALLERS)

        def call() -> None:
            gate.wait(60)
            answers.append(self.post(headers, body()))
            connections.close_all()

        threads = [threading.Thread(target=call) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        incident = Incident.objects.get()
        assert [answer.status_code for answer in answers] == [202] * CALLERS
        assert {answer.content for answer in answers} == {answers[0].content}
        assert answers[0].json() == {"accepted": 1, "incidents": [incident.reference]}
        assert incident.severity is not None
        assert (incident.severity.key, incident.monitor_key) == ("SEV-2", "jobarium-cv-parse-failure")

    def test_a_resolve_is_an_entry_and_changes_no_state(self, headers: dict[str, str]) -> None:
        self.post(headers, body())
        before = Incident.objects.get().state
        answer = self.post(headers, body(resolved=True))
        incident = Incident.objects.get()
        assert answer.json() == {"accepted": 1, "incidents": [incident.reference]}
        assert incident.state == before
        assert incident.state in UNRESOLVED
        assert AuditEntry.objects.filter(case_reference=incident.reference, action="alert.resolved").count() == 1
