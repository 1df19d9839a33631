"""Alerts become cases: from the webhook of Alertmanager to one incident, its clocks and its one page."""

import json
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.test import Client
from pytest_django import DjangoDbBlocker

from config.casework import clock
from config.casework.access.choices import Role, Scope
from config.casework.access.models import User
from config.casework.access.services import issue_token
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import apply
from config.casework.work.services import tick
from incidents.choices import Clock, IncidentState, Source
from incidents.models import Incident
from incidents.paging.models import Page
from incidents.services import acknowledge
from integrations.signals.models import Alert, AlertGroup
from tests import factories
from tests.incidents.conftest import RUNBOOK, level

URL = "/api/ingest/alertmanager"
MONITOR = "jobarium-cv-parse-failure"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def alert(name: str = MONITOR, fingerprint: str = "f1", *, resolved: bool = False, **labels: str) -> dict[str, Any]:
    return {
        "status": "resolved" if resolved else "firing",
        "labels": {"alertname": name, "system": "jobarium"} | labels,
        "annotations": {"summary": "eva.example@mail.example wrote in"},
        "startsAt": "2026-03-01T03:00:00Z",
        "endsAt": "2026-03-01T03:20:00Z" if resolved else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": fingerprint,
    }


def message(*alerts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="spike"}',
        "truncatedAlerts": 0,
        "status": "firing" if any(sent["status"] == "firing" for sent in alerts) else "resolved",
        "receiver": "desk",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
    } | fields


class Sender:
    """Posts messages of Alertmanager at a given moment, then lets everything due at it happen."""

    def __init__(self, client: Client, token: str, now: datetime) -> None:
        self.client, self.token, self.now = client, token, now

    def __call__(self, *alerts: dict[str, Any], after: timedelta = timedelta(), **fields: Any) -> list[str]:
        moment = self.now + after
        with clock.at(moment):
            answer = self.client.post(
                URL,
                json.dumps(message(*alerts, **fields)),
                content_type="application/json",
                headers={"authorization": f"Bearer {self.token}"},
            )
        assert answer.status_code == 202, answer.content
        assert answer.json()["accepted"] == len(alerts)
        tick(moment)
        references: list[str] = answer.json()["incidents"]
        return references


@pytest.fixture
def token(db: None, now: datetime) -> str:
    return issue_token("alertmanager", [Scope.ALERTS], actor=None, at=now)


@pytest.fixture
def send(client: Client, token: str, jobarium: System, lead: User, chief: User, now: datetime) -> Sender:
    return Sender(client, token, now)


def the_case() -> Incident:
    case: Incident = Incident.objects.select_related("system", "severity").get()
    return case


def pages() -> list[tuple[str, str]]:
    return [(page.target, page.reason) for page in Page.objects.order_by("pk")]


def entries(incident: Incident, action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(case_reference=incident.reference, action=action).order_by("pk"))


class TestFiring:
    def test_the_monitor_brings_severity_playbook_and_a_page_to_the_primary(
        self, send: Sender, lead: User, chief: User, now: datetime
    ) -> None:
        references = send(alert())
        incident = the_case()
        assert references == [incident.reference]
        assert (incident.source, incident.severity.key, incident.monitor_key) == (Source.ALERT, "SEV-2", MONITOR)
        assert (incident.state, incident.owner, incident.comms_lead) == (IncidentState.DETECTED, lead, chief)
        run = incident.runs.get()
        assert (run.procedure.key, incident.playbook, run.state) == ("jobarium-a", run.procedure, "active")
        assert run.steps.count() == incident.playbook.steps.count() > 3
        page = Page.objects.get()
        assert (page.person, page.target, page.paged_at) == (lead, "primary", now)
        assert [sent.to[0].count(lead.email) for sent in mail.outbox] == [1]

    def test_clocks_count_from_the_receipt_not_from_the_start_of_the_alert(self, send: Sender, now: datetime) -> None:
        send(alert())
        due = dict(Deadline.objects.of(the_case()).values_list("kind", "due_at"))
        assert (due[Clock.ACKNOWLEDGE], due[Clock.MITIGATE]) == (now + HOUR, now + 8 * HOUR)

    @pytest.mark.parametrize(
        ("labels", "severity"),
        [
            ({"severity": "SEV-1"}, "SEV-1"),
            ({"severity": "sev-3"}, "SEV-3"),
            ({"severity": "critical"}, "SEV-1"),
            ({"severity": "warning"}, "SEV-3"),
        ],
    )
    def test_without_a_monitor_the_label_is_the_severity(
        self, send: Sender, labels: dict[str, Any], severity: str
    ) -> None:
        send(alert("SomethingElse", **labels))
        assert the_case().severity.key == severity

    def test_a_label_does_not_overrule_the_monitor(self, send: Sender) -> None:
        send(alert(severity="critical"))
        assert the_case().severity.key == "SEV-2"

    def test_without_either_it_runs_on_the_untriaged_level_and_pages(self, send: Sender, now: datetime) -> None:
        send(alert("SomethingElse"))
        incident = the_case()
        assert incident.severity is None
        assert Deadline.objects.of(incident).get(kind=Clock.ACKNOWLEDGE).due_at == now + HOUR
        assert pages() == [("primary", "opened")]

    def test_an_unknown_system_is_counted_and_kept_and_opens_nothing(self, send: Sender) -> None:
        assert send(alert(system="payroll"), alert("Other", "f2", system="payroll")) == []
        assert not Incident.objects.exists()
        assert AlertGroup.objects.unknown().get().alerts.count() == 2

    def test_known_and_unknown_systems_in_one_message(self, send: Sender) -> None:
        references = send(alert(), alert("Other", "f2", system="payroll"))
        assert references == [the_case().reference]
        assert AlertGroup.objects.unknown().get().alerts.get().fingerprint == "f2"

    def test_a_monitor_that_never_pages_opens_a_silent_case(self, send: Sender, now: datetime) -> None:
        send(alert("jobarium-dispute-filed", severity="SEV-1"))
        incident = the_case()
        assert (incident.severity.key, incident.paging_override) == ("SEV-1", "never")
        tick(now + 14 * MINUTE)
        assert pages() == []
        assert ["Soon due" in sent.subject for sent in mail.outbox] == [True]  # a quiet word to the owner, no page
        assert Deadline.objects.of(incident).filter(kind=Clock.ACKNOWLEDGE).exists()

    def test_the_page_holds_no_word_of_the_alert(self, send: Sender) -> None:
        send(alert(summary="eva.example@mail.example"))
        sent = mail.outbox[0]
        assert "mail.example" not in sent.subject + sent.body + str(sent.alternatives)


class TestRepeats:
    def test_they_add_nothing(self, send: Sender) -> None:
        first = send(alert())
        before = AuditEntry.objects.count()
        assert send(alert(), after=5 * MINUTE) == send(alert(), after=10 * MINUTE) == first
        assert (Incident.objects.count(), len(pages()), len(mail.outbox)) == (1, 1, 1)
        assert AuditEntry.objects.count() == before
        assert Alert.objects.get().times == 3

    def test_a_second_alert_of_the_group_joins(self, send: Sender) -> None:
        send(alert())
        send(alert(), alert(MONITOR, "f2"), after=MINUTE)
        assert [entry.detail["alerts"] for entry in entries(the_case(), "alert.firing")] == [["f1"], ["f2"]]
        assert len(pages()) == 1

    def test_another_group_is_another_case(self, send: Sender) -> None:
        send(alert())
        send(alert(), groupKey="another")
        assert Incident.objects.count() == 2

    def test_the_group_of_another_system_is_another_case(self, send: Sender) -> None:
        factories.system("sentinel")
        assert len(send(alert(), alert("Other", "f2", system="sentinel"))) == 2

    def test_what_was_cut_off_counts_as_neither_new_nor_over(self, send: Sender) -> None:
        send(alert(), alert(MONITOR, "f2"))
        send(alert(), truncatedAlerts=1, after=MINUTE)
        assert set(Alert.objects.values_list("fingerprint", "status")) == {("f1", "firing"), ("f2", "firing")}
        assert entries(the_case(), "alert.resolved") == []
        assert AlertGroup.objects.get().truncated == 1


class TestResolve:
    def test_it_is_an_entry_and_changes_no_state(self, send: Sender, now: datetime) -> None:
        first = send(alert())
        assert send(alert(resolved=True), after=5 * MINUTE) == first
        incident = the_case()
        assert (incident.state, incident.impact_over_at, incident.resolved_at, incident.acknowledged_at) == (
            "detected",
            None,
            None,
            None,
        )
        (entry,) = entries(incident, "alert.resolved")
        assert (entry.happened_at, entry.actor_label) == (now + 5 * MINUTE, "desk")
        assert Deadline.objects.open().of(incident).filter(kind=Clock.ACKNOWLEDGE).exists()

    def test_it_is_told_once(self, send: Sender) -> None:
        send(alert())
        for minute in (5, 6):
            send(alert(resolved=True), after=minute * MINUTE)
        assert len(entries(the_case(), "alert.resolved")) == 1

    def test_nobody_is_paged_less_for_it(self, send: Sender) -> None:
        send(alert())
        send(alert(resolved=True), after=5 * MINUTE)
        tick(send.now + 15 * MINUTE)
        assert pages() == [("primary", "opened"), ("secondary", "unacknowledged")]

    def test_one_that_never_fired_opens_nothing(self, send: Sender) -> None:
        assert send(alert(resolved=True)) == []
        assert not Incident.objects.exists()
        assert Alert.objects.get().status == "resolved"

    def test_one_alert_of_two_leaves_the_case_to_the_other(self, send: Sender) -> None:
        send(alert(), alert(MONITOR, "f2"))
        send(alert(), alert(MONITOR, "f2", resolved=True), after=MINUTE)
        assert [entry.detail["alerts"] for entry in entries(the_case(), "alert.resolved")] == [["f2"]]


class TestGraver:
    def test_a_graver_alert_raises_the_case_and_pages_anew(self, send: Sender, lead: User, now: datetime) -> None:
        send(alert())
        send(alert(), alert("Halt", "f2", severity="critical"), after=5 * MINUTE)
        incident = the_case()
        assert (incident.severity.key, incident.state) == ("SEV-1", IncidentState.DETECTED)
        assert Deadline.objects.of(incident).get(kind=Clock.ACKNOWLEDGE).due_at == now + 15 * MINUTE
        assert pages() == [("primary", "opened"), ("primary", "opened")]
        (entry,) = entries(incident, "incident.severity_raised")
        assert entry.detail == {"severity": ["SEV-2", "SEV-1"]}

    def test_a_milder_one_lowers_nothing(self, send: Sender) -> None:
        send(alert())
        send(alert(), alert("Lag", "f2", severity="warning"), after=MINUTE)
        assert the_case().severity.key == "SEV-2"
        assert len(pages()) == 1

    def test_a_milder_one_does_not_judge_what_nobody_has_judged(self, send: Sender, now: datetime) -> None:
        send(alert("SomethingElse"))
        send(alert("SomethingElse"), alert("Lag", "f2", severity="warning"), after=MINUTE)
        assert the_case().severity is None
        assert Deadline.objects.of(the_case()).get(kind=Clock.ACKNOWLEDGE).due_at == now + HOUR

    def test_a_triaged_case_is_raised_as_a_change_of_severity(self, send: Sender, lead: User, now: datetime) -> None:
        send(alert())
        with clock.at(now + MINUTE):
            apply(acknowledge(the_case(), actor=lead, at=now + MINUTE), "triage", actor=lead, scope="candidates")
        send(alert("Halt", "f2", severity="critical"), after=2 * MINUTE)
        incident = the_case()
        assert (incident.severity.key, incident.state, incident.scope) == ("SEV-1", "triaged", "candidates")
        assert len(entries(incident, "incident.reclassified")) == 1
        assert len(pages()) == 1  # somebody has it

    def test_a_graver_alert_pages_though_the_first_monitor_never_does(self, send: Sender) -> None:
        send(alert("jobarium-invite-latency"))
        assert pages() == []
        send(alert("jobarium-invite-latency"), alert("jobarium-invite-success", "f2"), after=MINUTE)
        assert the_case().severity.key == "SEV-2"
        assert pages() == [("primary", "opened")]

    def test_a_person_who_judges_it_graver_is_not_silenced_by_the_monitor(
        self, send: Sender, lead: User, now: datetime
    ) -> None:
        send(alert("jobarium-invite-latency"))
        incident = the_case()
        with clock.at(now + MINUTE):
            apply(incident, "triage", actor=lead, severity=level(incident.system, "SEV-1"), scope="all employers")
        tick(now + MINUTE)
        assert pages() == [("primary", "opened")]

    def test_data_loss_is_flagged_once_and_never_taken_back(self, send: Sender) -> None:
        send(alert())
        assert not the_case().data_loss_risk
        for minute in (1, 2):
            send(alert(), alert("Lost", "f2", data_loss="true", severity="warning"), after=minute * MINUTE)
        send(alert(), after=3 * MINUTE)
        incident = the_case()
        assert incident.data_loss_risk
        assert len(entries(incident, "incident.data_loss_flagged")) == 1

    def test_data_loss_at_the_first_message(self, send: Sender) -> None:
        send(alert(data_loss="true"))
        assert the_case().data_loss_risk


class TestRecurrence:
    @pytest.fixture
    def fixed(self, send: Sender, lead: User, now: datetime) -> Incident:
        """Fired, acknowledged, resolved by its lead at +1 h; the alert went quiet before."""
        send(alert())
        send(alert(resolved=True), after=50 * MINUTE)
        with clock.at(now + HOUR):
            apply(acknowledge(the_case(), actor=lead, at=now + HOUR), "resolve", actor=lead)
        mail.outbox.clear()
        return the_case()

    def test_within_the_watch_the_case_is_reopened(self, send: Sender, fixed: Incident, now: datetime) -> None:
        assert send(alert(), after=25 * HOUR) == [fixed.reference]
        incident = the_case()
        assert (incident.state, incident.acknowledged_at, incident.resolved_at, incident.impact_over_at) == (
            "detected",
            None,
            None,
            None,
        )
        assert Deadline.objects.open().of(incident).get(kind=Clock.ACKNOWLEDGE).due_at == now + 26 * HOUR
        assert not Deadline.objects.open().of(incident).filter(kind=Clock.PAPERWORK).exists()
        assert len(entries(incident, "incident.reopened")) == 1
        assert pages()[-1] == ("primary", "opened")
        assert len(mail.outbox) == 1

    def test_later_a_new_one_is_linked(self, send: Sender, fixed: Incident) -> None:
        (reference,) = send(alert(), after=25 * HOUR + MINUTE)
        incident = Incident.objects.get(reference=reference)
        assert (incident.pk != fixed.pk, incident.recurrence_of) == (True, fixed)
        fixed.refresh_from_db()
        assert fixed.state == IncidentState.RESOLVED

    @pytest.mark.parametrize(
        ("written", "hours", "reopens"),
        [
            ("P1D", 24, True),
            ("P1D", 25, False),
            ("P1DT12H", 36, True),
            ("P1DT12H", 37, False),
            ("PT1H", 1, True),
            ("PT1H", 2, False),
        ],
    )
    def test_the_runbook_says_how_long_the_watch_is(
        self, send: Sender, fixed: Incident, written: str, hours: int, reopens: bool
    ) -> None:
        System.objects.filter(key="jobarium").update(settings={**fixed.system.settings, "recurrence_watch": written})
        send(alert(), after=HOUR + hours * HOUR)
        assert (Incident.objects.count() == 1) is reopens

    def test_a_closed_case_stays_closed(self, send: Sender, fixed: Incident) -> None:
        Incident.objects.filter(pk=fixed.pk).update(
            state="closed", closed_at=fixed.resolved_at, cause="A codec", fix_reference="r1", scope="candidates"
        )
        (reference,) = send(alert(), after=2 * HOUR)
        assert Incident.objects.get(reference=reference).recurrence_of == fixed
        fixed.refresh_from_db()
        assert fixed.state == "closed"

    def test_a_late_resolve_is_an_entry_on_the_resolved_case(self, send: Sender, lead: User, now: datetime) -> None:
        send(alert())
        with clock.at(now + HOUR):
            apply(the_case(), "resolve", actor=lead)
        send(alert(resolved=True), after=2 * HOUR)
        incident = the_case()
        assert (incident.state, len(entries(incident, "alert.resolved"))) == ("resolved", 1)

    def test_an_alert_that_fires_on_is_quiet_for_the_watch_and_then_a_new_case(
        self, send: Sender, lead: User, now: datetime
    ) -> None:
        (first,) = send(alert())
        with clock.at(now + HOUR):
            apply(the_case(), "resolve", actor=lead)
        assert send(alert(), after=5 * HOUR) == [first]
        assert the_case().state == "resolved"
        (second,) = send(alert(), after=26 * HOUR)
        assert Incident.objects.get(reference=second).recurrence_of == Incident.objects.get(reference=first)

    def test_measures_in_force_are_still_to_be_taken_back(
        self, send: Sender, fixed: Incident, lead: User, now: datetime
    ) -> None:
        Deadline.objects.create(case=fixed, kind=Clock.REVERT, started_at=now, due_at=now + 40 * HOUR)
        send(alert(), after=2 * HOUR)
        assert Deadline.objects.open().of(fixed).filter(kind=Clock.REVERT).exists()


class TestLateAcknowledgement:
    def test_on_a_resolved_case_it_is_a_timeline_entry(
        self, send: Sender, lead: User, chief: User, now: datetime
    ) -> None:
        send(alert())
        with clock.at(now + MINUTE):
            apply(the_case(), "resolve", actor=lead)
        before = Incident.objects.filter().values().get()
        acknowledge(the_case(), actor=chief, at=now + 2 * MINUTE)
        assert Incident.objects.values().get() == before
        (entry,) = entries(the_case(), "incident.acknowledged_late")
        assert entry.actor == chief


@pytest.mark.django_db(transaction=True)
class TestParallelDeliveries:
    def test_twenty_identical_ones_open_one_case_and_page_once(
        self, now: datetime, django_db_blocker: DjangoDbBlocker
    ) -> None:
        load([RUNBOOK], at=now)
        factories.person(Role.CTO, name="Lea Lead")
        token = issue_token("alertmanager", [Scope.ALERTS], actor=None, at=now)
        body = json.dumps(message(alert()))
        answers: list[tuple[int, Any]] = []
        barrier = threading.Barrier(20)

        def deliver() -> None:
            try:
                barrier.wait(30)
                answer = Client().post(
                    URL, body, content_type="application/json", headers={"authorization": f"Bearer {token}"}
                )
                answers.append((answer.status_code, answer.json()))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=deliver) for _number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        incident = the_case()
        assert answers == [(202, {"accepted": 1, "incidents": [incident.reference]})] * 20
        tick(now)
        assert (Page.objects.count(), len(mail.outbox)) == (1, 1)
        assert len(entries(incident, "alert.firing")) == 1
        assert Alert.objects.get().times == 20
