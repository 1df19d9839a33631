"""The pages of procedures, as people use them: lists of today, a run, the board, the report, a deployment."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.desk.dashboard import next_items
from config.casework.transitions import apply
from incidents.continuity.models import BackupPolicy, Fallback
from incidents.deployments.models import Deployment
from incidents.models import Incident
from incidents.procedures import services
from incidents.procedures.choices import RunState, Stage, StepState
from incidents.procedures.models import Procedure, Run, RunStep
from incidents.procedures.schedule import sweep
from tests import factories

PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def one_factor(settings: Any) -> None:
    settings.STAFF_NEEDS_SECOND_FACTOR = False


def at_desk(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def desk(systems: dict[str, System], lead: User) -> Client:
    return at_desk(lead)


def act(client: Client, step: RunStep, **posted: Any) -> str:
    """Post on a step, and give back the page one comes to."""
    answer = client.post(reverse("admin:incidents_run_step", args=[step.run_id, step.pk]), posted, follow=True)
    return answer.content.decode()


class TestToday:
    def test_the_lists_of_today_and_the_missed_ones_are_there(self, desk: Client, now: datetime) -> None:
        sweep(now - DAY)
        sweep(now)
        page = desk.get(reverse("admin:incidents_run_today")).content.decode()
        assert "Morning health check" in page
        assert "Missed in the last two weeks" in page
        assert "0 of 7 settled" in page

    def test_the_list_leads_to_a_page_where_it_is_worked(self, desk: Client, lead: User, now: datetime) -> None:
        sweep(now)
        run = Run.objects.get(procedure__key="qa-morning")
        steps = list(run.steps.order_by("position"))
        act(desk, steps[0], act="tick")
        act(desk, steps[1], act="skip", reason="Not today")
        act(desk, steps[2], act="fail", note="Two hang")
        act(desk, steps[3], act="note", note="Look again at noon")
        page = desk.get(reverse("admin:incidents_run_change", args=[run.pk])).content.decode()
        assert "3 of 7 steps settled" in page
        assert "Skipped: Not today" in page
        assert "Two hang" in page
        assert "Look again at noon" in page
        assert "Lea Lead" in page

    def test_a_refusal_is_said_in_words(self, desk: Client, now: datetime) -> None:
        plan = Procedure.objects.get(key="qa-backup-verification")
        run = services.start_run(plan, actor=None, at=now)
        last = run.steps.order_by("-position").first()
        assert last is not None
        assert "These steps are done in order" in act(desk, last, act="tick")
        assert "Press one of the buttons" in act(desk, last, act="explode")

    def test_it_is_let_go_with_a_reason(self, desk: Client, now: datetime) -> None:
        sweep(now)
        run = Run.objects.get(procedure__key="qa-morning")
        address = reverse("admin:incidents_run_let_go", args=[run.pk])
        assert "This field is required" in desk.post(address, {"reason": ""}).content.decode()
        desk.post(address, {"reason": "Nobody is in"})
        run.refresh_from_db()
        assert run.state == RunState.ABANDONED

    def test_what_ends_today_stands_on_the_dashboard(
        self, systems: dict[str, System], lead: User, now: datetime
    ) -> None:
        sweep(now)
        titles = {item.title for item in next_items(lead, now)}
        assert "Morning health check" in titles
        assert "Runbook review" not in titles  # it has a week
        assert next_items(factories.person(Role.AUDITOR), now) == []

    def test_a_late_backup_stands_beside_the_lists(self, desk: Client, now: datetime) -> None:
        """INC-90."""
        address = reverse("admin:incidents_run_today")
        assert "Backups that are late" not in desk.get(address).content.decode()
        BackupPolicy.objects.filter(key="database").update(last_success_at=now - 2 * DAY)
        page = desk.get(address).content.decode()
        assert "Backups that are late" in page
        assert "1 day late" in page


class TestStart:
    def test_a_drill_is_begun_from_its_page(self, desk: Client, now: datetime) -> None:
        plan = Procedure.objects.get(key="jobsentinel-disaster-recovery-steps")
        answer = desk.post(
            reverse("admin:incidents_run_start"),
            {"procedure": plan.pk, "backup_at": "2026-03-08T10:00"},
            follow=True,
        )
        run = Run.objects.get(procedure=plan)
        assert run.backup_at is not None
        assert "Recovery time" in answer.content.decode()

    def test_a_breach_is_reported_and_hidden(self, desk: Client, chief: User, now: datetime) -> None:
        plan = Procedure.objects.get(key="jobsentinel-security-breach-steps")
        answer = desk.post(
            reverse("admin:incidents_run_breach"),
            {"procedure": plan.pk, "title": "Strange logins", "personal_data": "on"},
            follow=True,
        )
        incident = Incident.objects.get()
        assert incident.restricted
        assert incident.breach_aware_at == now
        assert "Secure logs and evidence" in answer.content.decode()
        other = at_desk(factories.person(Role.SUPPORT))
        assert other.get(reverse("admin:incidents_incident_change", args=[incident.pk])).status_code == 404
        run = incident.runs.get()
        assert other.get(reverse("admin:incidents_run_change", args=[run.pk])).status_code == 404
        step = run.steps.first()
        assert step is not None
        address = reverse("admin:incidents_run_step", args=[run.pk, step.pk])
        assert other.post(address, {"act": "tick"}).status_code == 404


class TestEvidence:
    @pytest.fixture
    def board(self, desk: Client, now: datetime) -> Run:
        sweep(now)
        run: Run = Run.objects.get(procedure__key="jobarium-pilot-readiness")
        return run

    def test_a_file_is_kept_and_shown_with_its_hash(self, desk: Client, board: Run) -> None:
        step = board.steps.get(key="gdpr")
        page = act(desk, step, act="tick", file=SimpleUploadedFile("proof.pdf", PDF, "application/pdf"))
        step.refresh_from_db()
        assert step.evidence_file is not None
        assert step.evidence_file.sha256 in page
        download = desk.get(reverse("file-download", args=[step.evidence_file.pk]))
        assert b"".join(download.streaming_content) == PDF  # type: ignore[attr-defined]

    def test_a_file_of_another_kind_is_refused(self, desk: Client, board: Run) -> None:
        step = board.steps.get(key="gdpr")
        act(desk, step, act="tick", file=SimpleUploadedFile("proof.pdf", b"MZ\x90\x00", "application/pdf"))
        step.refresh_from_db()
        assert (step.state, step.evidence_file) == (StepState.OPEN, None)

    def test_the_board_opens_its_gate_when_all_are_proven(self, desk: Client, board: Run, lead: User) -> None:
        gate = reverse("admin:incidents_run_gate", args=[board.pk])
        page = desk.get(reverse("admin:incidents_run_readiness")).content.decode()
        assert "0 of 6 are proven" in page
        assert "Missing:" in desk.post(gate, follow=True).content.decode()
        for step in board.steps.all():
            act(desk, step, act="tick", evidence="https://wiki.example/x")
        page = desk.get(reverse("admin:incidents_run_readiness")).content.decode()
        assert "All 6 are proven" in page
        assert "prove again within" in page
        agent = at_desk(factories.person(Role.SUPPORT))
        assert agent.post(gate).status_code == 403
        desk.post(gate)
        board.refresh_from_db()
        assert board.gate_opened_by == lead


class TestReport:
    def test_it_says_what_was_proven_and_skipped_also_as_csv(self, desk: Client, lead: User, now: datetime) -> None:
        plan = Procedure.objects.get(key="qa-log-cleanup")
        plan.title = "=cmd()"
        plan.save()
        run = services.start_run(plan, actor=lead, at=now)
        step = run.steps.get()
        services.skip(step, actor=lead, at=now, reason="Disk is fine")
        address = reverse("admin:incidents_run_report")
        page = desk.get(address).content.decode()
        assert "1 of 1" in page
        proven = desk.get(f"{address}?csv=proven").content.decode().splitlines()
        assert proven[0].startswith("system,procedure,kind")
        assert len(proven) == 1 + Procedure.objects.filter(is_active=True).count()
        skipped = desk.get(f"{address}?csv=skipped").content.decode().splitlines()
        assert "'=cmd()" in skipped[1]


class TestFallbacks:
    def test_one_is_switched_with_a_reason(self, desk: Client, lead: User) -> None:
        fallback = Fallback.objects.get(key="backup-channel")
        address = reverse("admin:incidents_fallback_act", args=[fallback.pk, "switch_on"])
        assert "Say why" in desk.post(address, {"reason": ""}).content.decode()
        desk.post(address, {"reason": "Mail provider is down"})
        fallback.refresh_from_db()
        assert (fallback.is_on, fallback.switched_by) == (True, lead)
        page = desk.get(reverse("admin:incidents_fallback_changelist")).content.decode()
        assert "Mail provider is down" in page


class TestDeployment:
    def test_it_is_planned_started_and_rolled_back_on_its_page(self, desk: Client, now: datetime) -> None:
        system = System.objects.get(key="jobsentinel")
        add = reverse("admin:incidents_deployment_add")
        refused = desk.post(add, {"system": system.pk, "version_tag": "v1; reboot"}).content.decode()
        assert "A version is made of letters" in refused
        desk.post(add, {"system": system.pk, "version_tag": "v0.6.0", "previous_version": "v0.5.0"})
        deployment = Deployment.objects.get()
        page_url = reverse("admin:incidents_deployment_change", args=[deployment.pk])
        start = reverse("admin:incidents_deployment_step", args=[deployment.pk, "start"])
        assert "Missing: CI is green" in desk.post(start, {"version": deployment.version}).content.decode()
        for step in deployment.runs.get(stage=Stage.PREREQUISITES).steps.all():
            act(desk, step, act="tick")
        desk.post(start, {"version": deployment.version})
        page = desk.get(f"{page_url}?tab=steps").content.decode()
        assert "git checkout v0.6.0" in page
        step = RunStep.objects.get(run__deployment=deployment, run__stage=Stage.STEPS, key="health")
        assert "A check failed" in act(desk, step, act="fail", note="503")
        deployment.refresh_from_db()
        roll_back = reverse("admin:incidents_deployment_step", args=[deployment.pk, "roll_back"])
        desk.post(roll_back, {"version": deployment.version})
        assert not deployment.runs.filter(stage=Stage.ROLLBACK).exists()
        desk.post(
            roll_back, {"version": deployment.version, "rollback_reason": "critical bug", "previous_version": "v0.5.0"}
        )
        page = desk.get(f"{page_url}?tab=steps").content.decode()
        assert "git checkout v0.5.0" in page
        assert "finish the way back within 5 min" in desk.get(page_url).content.decode()

    def test_what_fails_in_its_watch_is_linked(self, desk: Client, lead: User, now: datetime) -> None:
        system = System.objects.get(key="jobsentinel")
        desk.post(reverse("admin:incidents_deployment_add"), {"system": system.pk, "version_tag": "v1"})
        deployment = Deployment.objects.get()
        for step in deployment.runs.get(stage=Stage.PREREQUISITES).steps.all():
            services.tick(step, actor=lead, at=now)
        with clock.at(now):
            apply(deployment, "start", actor=lead)
        desk.post(
            reverse("admin:incidents_incident_add"),
            {"system": system.pk, "title": "All down", "severity": system.severities.get(key="P0").pk},
        )
        incident = Incident.objects.get()
        page = desk.get(reverse("admin:incidents_deployment_change", args=[deployment.pk])).content.decode()
        assert incident.reference in page
