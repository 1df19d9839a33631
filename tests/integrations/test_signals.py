"""Alerts that come in: groups, repeats, resolves, truncation, unknown systems, parallel deliveries."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from pydantic import ValidationError
from pytest_django.live_server_helper import LiveServer

from config.casework import events
from config.casework.access.choices import Scope
from config.casework.access.services import issue_token
from config.casework.catalogue.models import System
from integrations.signals import monitors
from integrations.signals.choices import AlertStatus
from integrations.signals.events import AlertsReceived, LevelsAsked
from integrations.signals.models import Alert, AlertGroup, Delivery, Monitor
from integrations.signals.schemas import AlertmanagerMessage
from integrations.signals.services import prune, receive_alertmanager
from tests import factories
from tests.integrations.alertmanager import needs_alertmanager, running_alertmanager, wait_until

URL = "/api/ingest/alertmanager"
AT = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
SPEC: dict[str, Any] = {
    "id": "jobarium-cv-parse-failure",
    "metric": "cv.parse.failure_rate",
    "unit": "ratio",
    "comparison": ">",
    "threshold": 0.15,
    "severity": "SEV-2",
    "page": "always",
    "playbook": "jobarium-a",
    "action": ["open_incident"],
}


def alert(
    fingerprint: str = "f1", *, resolved: bool = False, annotations: dict[str, str] | None = None, **labels: Any
) -> dict[str, Any]:
    return {
        "status": "resolved" if resolved else "firing",
        "labels": {"alertname": "Slow", "system": "jobarium"} | labels,
        "annotations": annotations or {},
        "startsAt": "2026-03-09T09:58:00.123456789Z",
        "endsAt": "2026-03-09T09:59:30Z" if resolved else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": fingerprint,
    }


def message(*alerts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="Slow"}',
        "truncatedAlerts": 0,
        "status": "firing" if any(sent["status"] == "firing" for sent in alerts) else "resolved",
        "receiver": "desk",
        "groupLabels": {"alertname": "Slow"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
    } | fields


def _levels(event: LevelsAsked) -> list[str]:
    return ["SEV-1", "SEV-2", "SEV-3", "SEV-4"] if event.system.key == "jobarium" else ["P0", "P1"]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[AlertsReceived]:
    """What the floors above hear. They answer with a made-up reference, one for each group."""
    monkeypatch.setattr(events, "_signals", {})
    told: list[AlertsReceived] = []

    def listen(event: AlertsReceived) -> str:
        told.append(event)
        return f"INC-2026-{event.group.pk:06}"

    events.subscribe(AlertsReceived, listen)
    events.subscribe(LevelsAsked, _levels)
    return told


@pytest.fixture
def jobarium(db: None) -> System:
    return factories.system("jobarium", job_labels=["jobarium-api"])


@pytest.fixture
def headers(db: None) -> dict[str, str]:
    return {"authorization": f"Bearer {issue_token('alertmanager', [Scope.ALERTS], actor=None, at=AT)}"}


type Send = Callable[..., Any]


@pytest.fixture
def send(client: Client, headers: dict[str, str], now: datetime) -> Send:
    def post(*alerts: dict[str, Any], **fields: Any) -> Any:
        return client.post(
            URL, json.dumps(message(*alerts, **fields)), content_type="application/json", headers=headers
        )

    return post


@pytest.mark.usefixtures("jobarium")
class TestFiring:
    def test_a_new_alert_is_stored_and_told_once(self, send: Send, heard: list[AlertsReceived], now: datetime) -> None:
        answer = send(alert(severity="critical"))
        assert answer.status_code == 202
        group = AlertGroup.objects.get()
        assert answer.json() == {"accepted": 1, "incidents": [f"INC-2026-{group.pk:06}"]}
        assert (group.key, group.receiver, group.first_at) == ('{}:{alertname="Slow"}', "desk", now)
        row = group.alerts.get()
        assert (row.name, row.status, row.ends_at, row.times) == ("Slow", AlertStatus.FIRING, None, 1)
        assert row.starts_at == datetime(2026, 3, 9, 9, 58, 0, 123456, tzinfo=UTC)
        (event,) = heard
        assert (event.new, event.repeated, event.resolved) == ((row,), (), ())
        assert (event.severity, event.monitor, event.data_loss, event.at) == ("SEV-1", None, False, now)

    def test_a_repeat_counts_and_adds_nothing(self, send: Send, heard: list[AlertsReceived]) -> None:
        first = send(alert())
        second = send(alert())
        assert second.json() == first.json()
        assert AlertGroup.objects.count() == 1
        assert Alert.objects.get().times == 2
        assert (heard[1].new, len(heard[1].repeated)) == ((), 1)

    def test_another_alert_joins_its_group(self, send: Send, heard: list[AlertsReceived]) -> None:
        send(alert("f1"))
        answer = send(alert("f1"), alert("f2"))
        assert answer.json()["accepted"] == 2
        assert [row.fingerprint for row in heard[1].new] == ["f2"]
        assert [row.fingerprint for row in heard[1].repeated] == ["f1"]

    def test_another_group_is_another_case(self, send: Send, heard: list[AlertsReceived]) -> None:
        assert send(alert()).json()["incidents"] != send(alert(), groupKey="other").json()["incidents"]

    def test_a_group_key_of_any_length_is_kept(self, send: Send, heard: list[AlertsReceived]) -> None:
        key = "k" * 5000
        send(alert(), groupKey=key)
        send(alert(), groupKey=key)
        assert AlertGroup.objects.get().key == key
        assert len(AlertGroup.objects.get().case_key) <= 128

    def test_a_message_can_tell_of_two_systems(self, send: Send, heard: list[AlertsReceived]) -> None:
        factories.system("jobsentinel")
        answer = send(alert("f1"), alert("f2", system="jobsentinel"))
        assert answer.json()["accepted"] == 2
        assert len(set(answer.json()["incidents"])) == 2
        assert {event.group.system.key for event in heard if event.group.system} == {"jobarium", "jobsentinel"}

    def test_a_hint_at_data_loss_is_passed_on(self, send: Send, heard: list[AlertsReceived]) -> None:
        send(alert(data_loss="true"))
        assert heard[0].data_loss


@pytest.mark.usefixtures("jobarium")
class TestResolved:
    def test_a_resolve_is_told_and_ends_the_alert(self, send: Send, heard: list[AlertsReceived]) -> None:
        send(alert())
        answer = send(alert(resolved=True))
        row = Alert.objects.get()
        assert (row.status, row.ends_at) == (AlertStatus.RESOLVED, datetime(2026, 3, 9, 9, 59, 30, tzinfo=UTC))
        assert (heard[1].new, heard[1].resolved) == ((), (row,))
        assert len(answer.json()["incidents"]) == 1

    def test_a_resolve_that_comes_again_is_a_repeat(self, send: Send, heard: list[AlertsReceived]) -> None:
        send(alert())
        send(alert(resolved=True))
        send(alert(resolved=True))
        assert (heard[2].resolved, len(heard[2].repeated), heard[2].firing) == ((), 1, ())

    def test_a_resolve_without_firing_is_kept(self, send: Send, heard: list[AlertsReceived]) -> None:
        answer = send(alert(resolved=True))
        assert answer.json()["accepted"] == 1
        assert Alert.objects.get().status == AlertStatus.RESOLVED
        assert len(heard[0].resolved) == 1
        assert heard[0].severity == ""

    def test_firing_again_after_a_resolve_is_new(self, send: Send, heard: list[AlertsReceived]) -> None:
        send(alert())
        send(alert(resolved=True))
        send(alert())
        row = Alert.objects.get()
        assert (row.status, row.ends_at, row.times) == (AlertStatus.FIRING, None, 3)
        assert heard[2].new == (row,)

    @pytest.mark.parametrize("truncated", [0, 7])
    def test_an_alert_that_is_not_named_stays_as_it_is(
        self, send: Send, heard: list[AlertsReceived], truncated: int
    ) -> None:
        send(alert("f1"), alert("f2"))
        send(alert("f1", resolved=True), truncatedAlerts=truncated)
        assert Alert.objects.get(fingerprint="f2").status == AlertStatus.FIRING
        assert [row.fingerprint for row in heard[1].resolved] == ["f1"]
        assert (heard[1].truncated, AlertGroup.objects.get().truncated) == (truncated, truncated)


class TestMeaning:
    @pytest.mark.parametrize(
        ("labels", "expected"),
        [
            ({"system": "jobarium"}, "jobarium"),
            ({"system": "", "job": "jobarium-api"}, "jobarium"),
            ({"system": "elsewhere", "job": "jobarium-api"}, "jobarium"),
            ({"system": "jobsentinel", "job": "jobarium-api"}, "jobsentinel"),
            ({"system": "elsewhere"}, None),
            ({"system": "", "job": "other"}, None),
        ],
    )
    def test_the_system_comes_from_its_label_else_from_the_job(
        self, send: Send, jobarium: System, heard: list[AlertsReceived], labels: dict[str, Any], expected: str | None
    ) -> None:
        factories.system("jobsentinel")
        assert send(alert(**labels)).json()["accepted"] == 1
        system = AlertGroup.objects.get().system
        assert (system.key if system else None) == expected
        assert len(heard) == (expected is not None)

    def test_an_unknown_system_is_kept_in_a_list_of_its_own(
        self, send: Send, jobarium: System, heard: list[AlertsReceived]
    ) -> None:
        answer = send(alert(system="elsewhere"))
        assert answer.json() == {"accepted": 1, "incidents": []}
        assert AlertGroup.objects.unknown().get().alerts.get().labels["system"] == "elsewhere"

    def test_it_leaves_that_list_once_its_system_is_known(
        self, send: Send, jobarium: System, heard: list[AlertsReceived]
    ) -> None:
        send(alert(system="", job="new-job"))
        System.objects.filter(pk=jobarium.pk).update(job_labels=["new-job"])
        send(alert(system="", job="new-job"))
        assert not AlertGroup.objects.unknown().exists()
        assert len(heard[0].new) == 1

    def test_a_monitor_gives_the_severity(self, send: Send, jobarium: System, heard: list[AlertsReceived]) -> None:
        monitors.load(jobarium, [SPEC])
        send(alert(alertname=SPEC["id"], severity="warning"))
        row = Alert.objects.get()
        assert row.monitor is not None
        assert (row.monitor.key, row.monitor.playbook, row.monitor.page) == (
            "jobarium-cv-parse-failure",
            "jobarium-a",
            "always",
        )
        assert heard[0].severity == "SEV-2"
        assert heard[0].monitor == row.monitor

    def test_a_monitor_of_another_system_does_not_count(
        self, send: Send, jobarium: System, heard: list[AlertsReceived]
    ) -> None:
        monitors.load(factories.system("jobsentinel"), [SPEC])
        send(alert(alertname=SPEC["id"], severity="warning"))
        assert (heard[0].severity, heard[0].monitor) == ("SEV-3", None)

    @pytest.mark.parametrize(
        ("system", "label", "level"),
        [
            ("jobarium", "critical", "SEV-1"),
            ("jobarium", "warning", "SEV-3"),
            ("jobarium", "Critical", "SEV-1"),
            ("jobarium", "sev-2", "SEV-2"),
            ("jobsentinel", "critical", "P0"),
            ("jobsentinel", "warning", "P1"),  # it has no third level
            ("jobsentinel", "SEV-2", ""),
            ("jobarium", "page", ""),
            ("jobarium", "", ""),
        ],
    )
    def test_a_label_is_a_level_of_the_system_or_stands_for_one(
        self, send: Send, jobarium: System, heard: list[AlertsReceived], system: str, label: str, level: str
    ) -> None:
        factories.system("jobsentinel")
        send(alert(system=system, severity=label))
        assert heard[0].severity == level

    def test_the_gravest_of_the_group_counts(self, send: Send, jobarium: System, heard: list[AlertsReceived]) -> None:
        monitors.load(jobarium, [SPEC])
        send(alert("f1", severity="warning"), alert("f2", alertname=SPEC["id"]), alert("f3"))
        assert heard[0].severity == "SEV-2"
        assert heard[0].monitor is not None

    def test_only_what_fires_has_a_say_in_the_severity(
        self, send: Send, jobarium: System, heard: list[AlertsReceived]
    ) -> None:
        send(alert("f1", severity="critical", resolved=True), alert("f2", severity="warning"))
        assert heard[0].severity == "SEV-3"


@pytest.mark.usefixtures("jobarium")
class TestShape:
    def errors(self, answer: Any) -> set[str]:
        assert answer.status_code == 422
        assert not AlertGroup.objects.exists()
        return {error["field"] for error in answer.json()["errors"]}

    def test_the_wrong_field_of_the_wrong_alert_is_named(self, send: Send, heard: list[AlertsReceived]) -> None:
        broken = alert() | {"fingerprint": "", "startsAt": "2026-03-09T09:58:00"}
        assert self.errors(send(alert(), alert("f2"), broken)) == {"alerts[2].fingerprint", "alerts[2].startsAt"}
        assert heard == []

    def test_another_version_is_refused(self, send: Send) -> None:
        assert self.errors(send(alert(), version="5")) == {"version"}

    def test_the_future_is_refused(self, send: Send) -> None:
        assert self.errors(send(alert() | {"startsAt": "2026-03-09T10:05:01Z"})) == {"alerts[0].startsAt"}

    def test_an_end_foreseen_is_no_end(self, send: Send, heard: list[AlertsReceived]) -> None:
        send(alert() | {"endsAt": "2026-03-09T12:00:00Z"})
        assert Alert.objects.get().ends_at is None

    def test_labels_are_text(self, send: Send) -> None:
        assert self.errors(send(alert() | {"labels": {"alertname": 3}})) == {"alerts[0].labels.alertname"}

    def test_plain_data_is_checked_the_same_way(self, now: datetime) -> None:
        with pytest.raises(ValidationError):
            AlertmanagerMessage.model_validate({"alerts": []})


@pytest.mark.usefixtures("jobarium")
class TestRawMessages:
    def test_unknown_fields_are_kept_as_they_came(self, send: Send, heard: list[AlertsReceived], now: datetime) -> None:
        send(alert() | {"further": [1]}, colour="red")
        delivery = Delivery.objects.get()
        assert delivery.payload == message(alert() | {"further": [1]}, colour="red")
        assert delivery.token is not None
        assert delivery.groups.get() == AlertGroup.objects.get()

    def test_the_very_same_message_only_counts(self, send: Send, heard: list[AlertsReceived]) -> None:
        send(alert())
        send(alert())
        assert Delivery.objects.get().times == 2

    def test_they_go_after_thirty_days(self, send: Send, monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
        monkeypatch.setattr(events, "_signals", {})
        send(alert())
        assert prune(now + timedelta(days=29)) == 0
        assert prune(now + timedelta(days=30)) == 1

    def test_a_case_holds_them_longer(self, send: Send, heard: list[AlertsReceived], now: datetime) -> None:
        reference = send(alert()).json()["incidents"][0]
        assert Delivery.objects.get().references == [reference]
        assert prune(now + timedelta(days=31)) == 0


@pytest.mark.usefixtures("jobarium")
class TestAllOrNothing:
    def test_a_subscriber_that_fails_leaves_nothing_behind(
        self, monkeypatch: pytest.MonkeyPatch, now: datetime
    ) -> None:
        def fail(event: AlertsReceived) -> None:
            raise RuntimeError

        monkeypatch.setattr(events, "_signals", {})
        events.subscribe(AlertsReceived, fail)
        with pytest.raises(RuntimeError):
            receive_alertmanager(AlertmanagerMessage.model_validate(message(alert())), token=None, at=now)
        assert not Delivery.objects.exists()
        assert not Alert.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_twenty_identical_messages_make_one_group(
        self, jobarium: System, headers: dict[str, str], heard: list[AlertsReceived]
    ) -> None:
        body = json.dumps(message(alert()))
        answers: list[Any] = []
        gate = threading.Barrier(20)

        def call() -> None:
            gate.wait(30)
            answers.append(Client().post(URL, body, content_type="application/json", headers=headers))
            connections.close_all()

        threads = [threading.Thread(target=call) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [answer.status_code for answer in answers] == [202] * 20
        assert {answer.content for answer in answers} == {answers[0].content}
        assert AlertGroup.objects.count() == 1
        assert Alert.objects.get().times == 20
        assert sorted(len(event.new) for event in heard) == [0] * 19 + [1]


class TestMonitors:
    def test_they_become_exactly_those_of_the_runbook(self, jobarium: System) -> None:
        monitors.load(jobarium, [SPEC, SPEC | {"id": "other"}])
        changes = monitors.load(jobarium, [SPEC | {"threshold": 0.2}])
        assert (changes.changed, changes.removed) == (1, 1)
        row = Monitor.objects.get()
        assert row.spec["threshold"] == 0.2
        assert monitors.load(jobarium, [SPEC | {"threshold": 0.2}]).total == 0


@needs_alertmanager
@pytest.mark.django_db(transaction=True)
class TestRealAlertmanager:
    @pytest.fixture
    def token(self) -> str:
        return issue_token("alertmanager", [Scope.ALERTS], actor=None, at=datetime.now(UTC))

    def test_it_delivers_repeats_and_resolves(
        self, live_server: LiveServer, jobarium: System, token: str, heard: list[AlertsReceived], tmp_path: Path
    ) -> None:
        with running_alertmanager(tmp_path / "alertmanager", desk=live_server.url, token=token) as manager:
            manager.fire("Slow", system="jobarium", severity="critical")
            wait_until(lambda: len(heard) >= 1, seconds=15, what="the first message")
            wait_until(lambda: len(heard) >= 2, seconds=20, what="a repeat")
            manager.resolve("Slow", system="jobarium", severity="critical")
            wait_until(lambda: heard[-1].resolved, seconds=15, what="the resolve")
            assert manager.failed_notifications() == 0
        assert [len(event.new) for event in heard] == [1] + [0] * (len(heard) - 1)
        assert AlertGroup.objects.count() == 1
        assert Alert.objects.get().status == AlertStatus.RESOLVED
