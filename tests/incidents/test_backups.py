"""Backups are made, restored and compared; one that cannot be trusted is found out (SC-25, INC-87, 88, 91)."""

import json
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit import sealing
from config.casework.audit.services import record
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.events import publish, subscribe
from config.casework.files.services import store
from incidents.backups import checklists, database, manifest
from incidents.backups.choices import BackupResult, VerificationState
from incidents.backups.events import BackupRestored, BackupVerified
from incidents.backups.models import BackupRun, BackupVerification
from incidents.backups.services import back_up, home_system, note_run
from incidents.models import Incident, Procedure, ProcedureStep
from incidents.procedures.choices import ProcedureKind, RunState, StepKind, StepState
from incidents.procedures.services import start_run
from incidents.services import open_incident
from tests import factories

RUNBOOK = django_settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"
AT = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"

told: list[BackupVerified] = []
objections: list[str] = []


def _note(event: BackupVerified) -> None:
    told.append(event)


def _object(event: BackupRestored) -> str | None:
    """What the privacy desk will do: look into the restored rows, and object."""
    with psycopg.connect(event.url) as restored:
        row = restored.execute("SELECT count(*) FROM incidents_incident").fetchone()
    assert row is not None
    return objections[0] if objections else None


subscribe(BackupVerified, _note)
subscribe(BackupRestored, _object)


@pytest.fixture
def desk(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[Path]:
    """A desk with a system, an incident, a file and a sealed trail; gives the folder for backups."""
    told.clear()
    objections.clear()
    settings.DATA_DIR = tmp_path / "data"
    settings.MEDIA_ROOT = tmp_path / "data" / "files"
    settings.DESK_KEYS = ("the key of this test which is long enough",)
    with clock.at(AT - timedelta(minutes=3)):
        load([RUNBOOK], at=AT)
        system = System.objects.get(key="jobarium")
        incident = open_incident(system, title="No invites leave", actor=None, at=AT - timedelta(minutes=3))
        store(incident, BytesIO(PDF), name="evidence.pdf", actor=None, at=AT)
        record(factories.organization("acme"), "test.done", actor=None)
        sealing.seal(AT - timedelta(minutes=3))
    yield tmp_path / "backups"
    for name in _scratch_databases():
        connection.cursor().execute(f"DROP DATABASE {name}")


def _scratch_databases() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'desk_verify_%%'")
        return [row[0] for row in cursor.fetchall()]


def flip(file: Path, place: int = -100) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 0x01
    file.write_bytes(content)


def verify(folder: Path, *, at: datetime = AT + timedelta(hours=1)) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_backup", str(folder), now=at.isoformat(), stdout=out)
    except SystemExit as left:
        return int(str(left.code)), out.getvalue()
    return 0, out.getvalue()


class TestBackup:
    def test_a_good_one_is_proven_by_restoring_it_and_a_flipped_byte_is_found_out(self, desk: Path) -> None:
        run = back_up(desk, at=AT)
        assert (run.result, run.error) == (BackupResult.DONE, "")
        folder = Path(run.place)

        status, said = verify(desk)
        assert (status, said.split(":")[0]) == (0, "verified"), said
        good = BackupVerification.objects.get()
        assert (good.state, good.finding, good.run) == (VerificationState.VERIFIED, "", run)
        assert good.rows == run.rows > 100
        assert good.audit_entries > 0
        assert [event.verification for event in told] == [good]
        assert not _scratch_databases()
        assert Incident.objects.count() == 1

        flip(folder / "database.dump")
        status, said = verify(desk)
        assert status == 1
        assert "database.dump: its checksum differs" in said
        bad = BackupVerification.objects.first()
        assert bad is not None
        assert bad.state == VerificationState.FAILED
        trouble = Incident.objects.get(source_key="desk:backup")
        assert trouble.title == "A backup of the desk cannot be trusted"
        assert len(told) == 1
        verify(desk)
        assert Incident.objects.filter(source_key="desk:backup").count() == 1  # the same trouble is one case

    def test_a_dump_that_was_altered_together_with_its_manifest_is_found_out_too(self, desk: Path) -> None:
        folder = Path(back_up(desk, at=AT).place)
        content = json.loads((folder / "manifest.json").read_text())
        content["tables"]["incidents_incident"]["digest"] = "1"
        (folder / "manifest.json").write_text(json.dumps(content))
        status, said = verify(folder)
        assert status == 1
        assert "manifest.json is not the one that was written" in said
        BackupRun.objects.all().delete()  # even without our own record of it
        status, said = verify(folder)
        assert status == 1
        assert "table incidents_incident: its content differs" in said

    def test_what_a_listener_holds_back_is_restored_but_not_verified(self, desk: Path) -> None:
        back_up(desk, at=AT)
        objections.append("erasures were not replayed")
        status, said = verify(desk)
        assert status == 1
        assert "held back" in said
        assert "erasures were not replayed" in said
        row = BackupVerification.objects.get()
        assert (row.state, row.finding) == (VerificationState.HELD, "erasures were not replayed")
        assert not told
        assert not Incident.objects.filter(source_key="desk:backup").exists()

    def test_it_holds_everything_but_keys_sessions_and_cache(self, desk: Path, settings: Any) -> None:
        folder = Path(back_up(desk, at=AT).place)
        kept = manifest.read(folder)
        assert kept.tables["incidents_incident"].rows == 1
        assert not {"desk_cache", "django_session"} & kept.tables.keys()
        assert kept.head.startswith("1 ")
        assert kept.schema["incidents"] >= "0001"
        with tarfile.open(folder / "files.tar") as archive:
            assert len(archive.getnames()) == kept.files == 1
        with tarfile.open(folder / "runbooks.tar") as archive:
            assert "runbooks/jobarium.yaml" in archive.getnames()
        for file in folder.iterdir():
            assert settings.DESK_KEYS[0].encode() not in file.read_bytes()
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert (desk / "latest").read_text().strip() == folder.name

    def test_old_ones_go_and_the_newest_and_foreign_ones_stay(self, desk: Path) -> None:
        foreign = desk / "desk-notes"
        foreign.mkdir(parents=True)
        old = back_up(desk, at=AT - timedelta(days=40))
        new = back_up(desk, at=AT)
        assert not Path(old.place).exists()
        assert Path(new.place).exists()
        assert foreign.exists()
        old.refresh_from_db()
        assert old.purged_at is not None
        back_up(desk, at=AT + timedelta(days=1), keep=timedelta(hours=1))
        assert len(manifest.backups(desk)) == 1

    def test_a_file_that_is_gone_makes_it_fail_and_saves_the_rest(self, desk: Path, settings: Any) -> None:
        for each in Path(settings.MEDIA_ROOT).rglob("*"):
            if each.is_file():
                each.unlink()
        with pytest.raises(CommandError) as refusal:
            call_command("backup", str(desk), now=AT.isoformat())
        assert refusal.value.returncode == 1
        run = BackupRun.objects.get()
        assert (run.result, run.error) == (
            BackupResult.FAILED,
            "1 files are missing from the storage; the rest is saved",
        )
        assert Incident.objects.get(source_key="desk:backup").title == "The desk's backup failed"
        assert manifest.read(Path(run.place)).rows > 100

    def test_one_that_cannot_be_written_is_a_failed_run_and_leaves_nothing_half(self, desk: Path) -> None:
        back_up(desk, at=AT)
        again = back_up(desk, at=AT)
        assert again.result == BackupResult.FAILED
        assert "is there already" in again.error
        assert not [each for each in desk.iterdir() if each.name.endswith(".partial")]

    def test_the_folder_and_its_neighbours_are_named_when_there_is_nothing_to_verify(self, desk: Path) -> None:
        with pytest.raises(CommandError) as refusal:
            call_command("verify_backup", str(desk))
        assert refusal.value.returncode == 2
        desk.mkdir()
        status, said = verify(desk)
        assert status == 1
        assert "holds no backup" in said

    def test_the_password_is_never_an_argument(self, desk: Path) -> None:
        params = connections["default"].get_connection_params()
        assert database.parameters()["dbname"] == params["dbname"]
        leads = database.url("other")
        assert leads.startswith("postgresql://")
        with psycopg.connect(database.url(params["dbname"])) as there:
            row = there.execute("SELECT current_database()").fetchone()
        assert row == (params["dbname"],)
        assert "PGPASSWORD" not in os.environ


class TestChecklist:
    def test_a_proven_backup_ticks_the_weekly_checklist_with_its_proof(self, jobarium: System, now: datetime) -> None:
        jobarium.settings = jobarium.settings | {"backup_checklist": "backup-verification"}
        jobarium.save()
        weekly = Procedure.objects.create(
            system=jobarium, key="backup-verification", kind=ProcedureKind.CHECKLIST, title="Backup verification"
        )
        for position, text in enumerate(("Fetched", "Restored", "Proven"), 1):
            ProcedureStep.objects.create(procedure=weekly, position=position, kind=StepKind.CHECK, text=text)
        run = start_run(weekly, actor=None, at=now)
        proof = BackupVerification.objects.create(
            started_at=now, finished_at=now, place="/backups/desk-1", state=VerificationState.VERIFIED
        )
        publish(BackupVerified(proof, now))
        run.refresh_from_db()
        assert run.state == RunState.FINISHED
        for step in run.steps.all():
            assert (step.state, step.done_by) == (StepState.DONE, None)
            assert step.evidence == f"backup verification {proof.pk}: /backups/desk-1"
        assert checklists.settle(BackupVerified(proof, now)) == 0  # nothing is open any more


class TestElsewhere:
    def test_a_run_made_elsewhere_is_written_down_by_those_who_may(
        self, jobarium: System, lead: User, agent: User, now: datetime
    ) -> None:
        told: dict[str, Any] = {
            "started_at": now - timedelta(hours=1),
            "finished_at": now,
            "place": "s3://jobsentinel-backups/2026-03-09",
        }
        run = note_run(jobarium, actor=lead, at=now, result=BackupResult.DONE, size=7, **told)
        assert (run.recorded_by, run.system) == (lead, jobarium)
        with pytest.raises(PermissionDenied):
            note_run(jobarium, actor=agent, at=now, result=BackupResult.DONE, **told)
        with pytest.raises(ValidationError, match="Say why it failed"):
            note_run(jobarium, actor=lead, at=now, result=BackupResult.FAILED, **told)

    def test_the_form_goes_through_the_service(
        self, as_person: Callable[[User], Client], jobarium: System, lead: User, now: datetime
    ) -> None:
        values = {
            "system": jobarium.pk,
            "started_at_0": "2026-03-09",
            "started_at_1": "08:00",
            "finished_at_0": "2026-03-09",
            "finished_at_1": "09:00",
            "place": "s3://x",
            "size": 7,
            "result": "done",
        }
        as_person(lead).post("/admin/incidents/backuprun/add/", values)
        assert BackupRun.objects.get().recorded_by == lead

    def test_trouble_goes_to_the_system_whose_runbook_says_so(self, jobarium: System, now: datetime) -> None:
        first = factories.system("aaa")
        assert home_system() == jobarium
        System.objects.filter(pk=first.pk).update(settings={"answers_for_desk": True})
        System.objects.filter(pk=jobarium.pk).update(settings={})
        assert home_system() == first
