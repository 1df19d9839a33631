"""What the desk refuses to run with: real processes with real environments, and models of the tests' own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, connection, models
from django.test.utils import isolate_apps

from config import checks
from config.casework import personal as declarations
from config.casework.personal import FREE_TEXT, personal
from config.grants import append_only_tables
from config.postgres import APPLICATION

PROJECT = Path(checks.__file__).parent.parent
SECRET = "K7f-2Qw9xZ_4mNpR8tVb3LsD6hJc1GyA5uEo0Ti"
SOUND = {
    "DESK_ENV": "production",
    "DJANGO_SECRET_KEY": SECRET + SECRET[::-1],
    "DESK_KEYS": f"{SECRET[::-1]},{SECRET.swapcase()}",
    "BASE_URL": "https://desk.jobarium.test",
    "ALLOWED_HOSTS": "desk.jobarium.test",
    "EMAIL_URL": "smtp+tls://user:pass@mail.jobarium.test:587",
    "SUPERADMIN_EMAILS": "Boss@Jobarium.Test, second@jobarium.test",
    "HEARTBEAT_URL": "https://dead-man.jobarium.test/x",
    "DATABASE_URL": "postgresql://desk@127.0.0.1:9/desk",  # nobody answers there
}


def run(*command: str, folder: Path, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run Python with a sound production environment and these changes; None takes a variable away."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    values = {**kept, **SOUND, "DESK_DATA_DIR": str(folder), **changes}
    environment = {name: value for name, value in values.items() if value is not None}
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def deploy_check(folder: Path, **changes: str | None) -> subprocess.CompletedProcess[str]:
    return run("manage.py", "check", "--deploy", folder=folder, **changes)


class TestProduction:
    def test_a_sound_environment_passes_without_a_warning(self, tmp_path: Path) -> None:
        done = deploy_check(tmp_path)
        assert (done.returncode, "no issues" in done.stdout + done.stderr) == (0, True), done.stderr

    def test_everything_wrong_is_said_at_once_with_its_id_and_variable(self, tmp_path: Path) -> None:
        done = deploy_check(
            tmp_path,
            DEBUG="1",
            DJANGO_SECRET_KEY="short",
            DESK_KEYS=f"{SECRET},changeme-changeme-changeme-changeme",
            BASE_URL="http://desk.jobarium.test",
            ALLOWED_HOSTS="*",
            ICIMS_WEBHOOK_SECRET="test-webhook-secret",
            WEBHOOK_SECRETS_STRIPE=f"{SECRET},short",
        )
        assert done.returncode == 1
        for line in (
            "(desk.E001) DEBUG is on",
            "(desk.E002) DJANGO_SECRET_KEY is shorter than 32 characters",
            "(desk.E003) DESK_KEYS: key 2 is a well-known value",
            "(desk.E004) BASE_URL must start with https://",
            "(desk.E005) ALLOWED_HOSTS is empty or lets any host in",
            "(desk.E006) ICIMS_WEBHOOK_SECRET is a well-known value",
            "(desk.E006) WEBHOOK_SECRETS_STRIPE is shorter than 16 characters",
        ):
            assert line in done.stderr
        assert SECRET not in done.stderr

    def test_a_secret_read_from_a_file_is_judged_too(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("test-webhook-secret\n", encoding="utf-8")
        done = deploy_check(tmp_path, ICIMS_WEBHOOK_SECRET_FILE=str(tmp_path / "secret"))
        assert "(desk.E006) ICIMS_WEBHOOK_SECRET" in done.stderr

    def test_three_secrets_of_a_provider_are_refused_by_name(self, tmp_path: Path) -> None:
        done = deploy_check(tmp_path, WEBHOOK_SECRETS_GITHUB="a,b,c")
        assert done.returncode == 2
        assert done.stderr.strip() == (
            "The desk cannot start: WEBHOOK_SECRETS_GITHUB holds 3 secrets; one or two are used, separated by a comma."
        )

    def test_no_command_runs_with_a_default_webhook_secret(self, tmp_path: Path) -> None:
        done = run("manage.py", "showmigrations", folder=tmp_path, ICIMS_WEBHOOK_SECRET="test-webhook-secret")
        assert done.returncode == 1
        assert "desk.E006" in done.stderr

    def test_development_takes_all_of_it(self, tmp_path: Path) -> None:
        weak = {
            "DJANGO_SECRET_KEY": "short",
            "ICIMS_WEBHOOK_SECRET": "test-webhook-secret",
            "BASE_URL": "http://127.0.0.1:8000",
            "ALLOWED_HOSTS": "*",
        }
        done = run("manage.py", "check", folder=tmp_path, DESK_ENV="development", EMAIL_URL=None, **weak)
        assert done.returncode == 0, done.stderr

    def test_nobody_above_and_nobody_watching_are_warnings(self, tmp_path: Path) -> None:
        done = deploy_check(tmp_path, SUPERADMIN_EMAILS=None, HEARTBEAT_URL=None)
        assert done.returncode == 0
        assert "desk.W001" in done.stderr
        assert "desk.W002" in done.stderr

    @pytest.mark.parametrize("secret", ["django-insecure-" + SECRET, "ab" * 20, SECRET[:31], "ChangeMe" + SECRET])
    def test_weak_secrets_are_told(self, secret: str) -> None:
        assert checks.weakness(secret, 32)

    def test_a_long_random_secret_is_not(self) -> None:
        assert checks.weakness(SECRET, 32) == ""


class TestStart:
    def test_the_web_server_refuses_with_one_line_each(self, tmp_path: Path) -> None:
        done = run(
            "-c", "import config.wsgi", folder=tmp_path, ICIMS_WEBHOOK_SECRET="test-webhook-secret", ALLOWED_HOSTS="."
        )
        lines = done.stderr.splitlines()
        assert done.returncode == checks.BOOT_FAILURE
        assert [line.split(": ")[1] for line in lines if line.startswith("The desk cannot start")] == [
            "desk.E006",
            "desk.E005",
        ]
        assert "Traceback" not in done.stderr

    @pytest.mark.django_db
    def test_it_refuses_to_serve_as_the_owner_of_the_trail(self, tmp_path: Path) -> None:
        place = re.sub(r"/[^/?]+(?=\?)", f"/{connection.settings_dict['NAME']}", os.environ["DATABASE_URL"])
        done = run("-c", "import config.wsgi", folder=tmp_path, DATABASE_URL=place)
        assert done.returncode == checks.BOOT_FAILURE
        assert "The desk cannot start: desk.E032: The connected role owns the append-only table" in done.stderr
        assert "DATABASE_ROLE=desk_app" in done.stderr

    def test_it_says_how_many_superadmins_there_are_but_not_who(self, tmp_path: Path) -> None:
        done = run("-c", "import config.wsgi", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert '"superadmins": 2' in done.stderr
        assert "jobarium.test" not in done.stderr.lower()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Declarations of this test alone."""
    monkeypatch.setattr(declarations, "_registry", {})
    with isolate_apps("incidents"):
        yield


def ids(found: Any) -> list[tuple[str, str]]:
    return [(message.id, message.msg) for message in found]


@pytest.mark.usefixtures("registry")
class TestPersonalData:
    def test_every_text_column_must_be_judged(self) -> None:
        @personal(plain=("code",), told=FREE_TEXT)
        class Parcel(models.Model):  # noqa: DJ008 - never made
            code = models.CharField(max_length=9)
            told = models.TextField()
            notes = models.TextField()
            extra = models.JSONField()
            body = models.BinaryField()
            email = models.EmailField()
            kind = models.CharField(max_length=9, choices=[("a", "A")])
            count = models.IntegerField()

            class Meta:
                app_label = "incidents"

        missing = [msg for id_, msg in ids(checks.judge(Parcel)) if id_ == "desk.E030"]
        assert missing == [f"Nobody judged incidents.Parcel.{name}." for name in ("notes", "extra", "body", "email")]

    def test_a_model_must_declare_itself(self) -> None:
        class Parcel(models.Model):  # noqa: DJ008 - never made
            class Meta:
                app_label = "incidents"

        assert [id_ for id_, _msg in ids(checks.judge(Parcel))] == ["desk.E031"]

    def test_a_declared_column_must_exist(self) -> None:
        @personal(plain=("codename",))
        class Parcel(models.Model):  # noqa: DJ008 - never made
            class Meta:
                app_label = "incidents"

        assert ids(checks.judge(Parcel)) == [("desk.E034", "incidents.Parcel declares codename, which is no column.")]

    def test_row_history_may_not_keep_a_personal_column(self) -> None:
        @personal(plain=("code",), told=FREE_TEXT)
        class Parcel(models.Model):  # noqa: DJ008 - never made
            code = models.CharField(max_length=9)
            told = models.TextField()

            class Meta:
                app_label = "incidents"

        class ParcelEvent(models.Model):  # noqa: DJ008 - never made
            code = models.CharField(max_length=9)
            told = models.TextField()
            pgh_tracked_model = Parcel

            class Meta:
                app_label = "incidents"

        assert ids(checks.judge_history(ParcelEvent)) == [
            ("desk.E033", "incidents.ParcelEvent keeps the personal column told.")
        ]


def test_our_own_models_pass() -> None:
    assert checks.personal_data() == []


@pytest.mark.django_db
class TestTrailRights:
    @pytest.fixture(autouse=True)
    def production(self, settings: Any) -> None:
        settings.PRODUCTION = True

    def test_the_owner_is_refused(self) -> None:
        found = checks.trail_rights(databases=["default"])
        assert {message.id for message in found} == {"desk.E032"}
        assert len(found) == len(append_only_tables()) >= 3
        assert "owns the append-only table casework_auditentry" in found[0].msg

    def test_a_role_that_may_only_add_passes_and_one_that_may_delete_does_not(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"GRANT SELECT, INSERT ON casework_auditentry, casework_auditseal TO {APPLICATION}")
            cursor.execute(f"SET ROLE {APPLICATION}")
            try:
                assert checks.trail_rights(databases=["default"]) == []
                cursor.execute("RESET ROLE")
                cursor.execute(f"GRANT DELETE ON casework_auditseal TO {APPLICATION}")
                cursor.execute(f"SET ROLE {APPLICATION}")
                (found,) = checks.trail_rights(databases=["default"])
            finally:
                cursor.execute("RESET ROLE")
        assert "may change the append-only table casework_auditseal" in found.msg

    def test_it_asks_no_database_unless_told_to_and_none_in_development(self, settings: Any) -> None:
        assert checks.trail_rights() == []
        settings.PRODUCTION = False
        assert checks.trail_rights(databases=["default"]) == []


def test_a_database_that_does_not_answer_is_not_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def cursor(self) -> None:
            raise DatabaseError

    monkeypatch.setattr(checks, "connections", {"default": Silent()})
    monkeypatch.setattr(checks, "settings", SimpleNamespace(PRODUCTION=True))
    assert checks.trail_rights(databases=["default"]) == []
