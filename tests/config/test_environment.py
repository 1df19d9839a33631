"""What the desk reads from the environment: typed values, or one line that names the variable."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.environment import PROJECT, BadEnvironment, Environment, read

SECRET = "v3ry-l0ng-and-r4ndom-enough-to-be-a-key-0f-the-desk"
PRODUCTION = {
    "DESK_ENV": "production",
    "DJANGO_SECRET_KEY": SECRET,
    "DESK_KEYS": SECRET,
    "ALLOWED_HOSTS": "desk.example.com",
    "BASE_URL": "https://desk.example.com",
    "EMAIL_URL": "smtp+tls://desk:word@mail.example.com:587",
}
READ_THE_KEY = "from config import environment; print(environment.read().secret_key)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def development(folder: Path, **values: str) -> Environment:
    return read({"DESK_DATA_DIR": str(folder), **values})


def refusal(values: dict[str, str]) -> str:
    with pytest.raises(BadEnvironment) as caught:
        read(values)
    return str(caught.value)


class TestBadValues:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DESK_ENV", "prod"),
            ("DESK_TESTING", "maybe"),
            ("DEBUG", "2"),
            ("LOG_LEVEL", "loud"),
            ("DATABASE_POOL", "many"),
            ("DATABASE_POOL", "-1"),
            ("DATABASE_URL", "sqlite:///desk.sqlite3"),
            ("DATABASE_URL", "mysql://desk:word@db.example.com/desk"),
            ("DATABASE_URL", "postgresql://desk:word@db.example.com:port/desk"),
            ("EMAIL_URL", "carrier-pigeon://mail.example.com"),
            ("BASE_URL", "desk.example.com"),
            ("BASE_URL", "ftp://desk.example.com"),
            ("BASE_URL", "https://desk.example.com:port"),
            ("HEARTBEAT_URL", "https://"),
            ("Q_BROKER_URL", "amqp://broker.example.com"),
            ("TRUSTED_PROXIES", "10.0.0.0/33"),
            ("TRUSTED_PROXIES", "proxy.example.com"),
            ("OUTBOUND_ALLOW", "10.0.0.0/33"),
            ("WEBHOOK_SECRETS_ICIMS", "one,two,three"),
        ],
    )
    def test_it_stops_with_one_line_that_names_the_variable(self, folder: Path, name: str, value: str) -> None:
        line = refusal({"DESK_DATA_DIR": str(folder), name: value})
        assert name in line
        assert "\n" not in line

    def test_it_does_not_show_a_password_that_stands_in_the_value(self, folder: Path) -> None:
        line = refusal({"DESK_DATA_DIR": str(folder), "DATABASE_URL": "postgresql://desk:hidden@db.example.com:port/d"})
        assert "hidden" not in line

    @pytest.mark.parametrize("name", ["DJANGO_SECRET_KEY", "DESK_KEYS", "EMAIL_URL"])
    @pytest.mark.parametrize("value", ["", "  ", None])
    def test_production_brings_its_own_secrets_and_mail(self, name: str, value: str | None) -> None:
        values = {key: text for key, text in PRODUCTION.items() if key != name}
        assert name in refusal(values if value is None else values | {name: value})

    def test_a_data_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert "DESK_DATA_DIR" in refusal({"DESK_DATA_DIR": str(tmp_path / "file" / "data")})

    def test_a_command_ends_with_status_2_and_that_line_alone(self, folder: Path) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], "DESK_DATA_DIR": str(folder), "DESK_ENV": "staging"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.splitlines() == [
            "The desk cannot start: DESK_ENV must be one of development, production, not 'staging'."
        ]
        assert done.stdout == ""


class TestValues:
    def test_development_needs_none(self, folder: Path) -> None:
        values = development(folder)
        assert not values.production
        assert not values.debug
        assert values.base_url == "http://127.0.0.1:8000"
        assert values.database == {}
        assert values.mailer == {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
        assert values.outbound_allow == ("127.0.0.0/8", "::1/128")
        assert values.superadmin_emails == frozenset()

    def test_production_lets_nothing_through_by_default(self) -> None:
        values = read(PRODUCTION)
        assert values.production
        assert values.outbound_allow == ()
        assert values.trusted_proxies == ()
        assert values.generated == frozenset()
        assert values.allowed_hosts == ("desk.example.com",)

    def test_superadmins_are_compared_without_case(self, folder: Path) -> None:
        values = development(folder, SUPERADMIN_EMAILS=" Chief@Example.com , two@example.com,")
        assert values.superadmin_emails == {"chief@example.com", "two@example.com"}

    def test_a_mail_server_is_read_whole(self) -> None:
        assert read(PRODUCTION).mailer == {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {
                "host": "mail.example.com",
                "port": 587,
                "username": "desk",
                "password": "word",
                "use_tls": True,
                "use_ssl": False,
                "timeout": 10,
            },
        }

    def test_keys_are_kept_in_order_newest_first(self) -> None:
        assert read(PRODUCTION | {"DESK_KEYS": f"new{SECRET}, old{SECRET}"}).keys == (f"new{SECRET}", f"old{SECRET}")

    def test_an_address_loses_its_last_slash(self) -> None:
        assert read(PRODUCTION | {"BASE_URL": "https://desk.example.com/"}).base_url == "https://desk.example.com"


class TestSecretsFromFiles:
    def test_the_content_counts_without_the_line_end(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(f"{SECRET}\n", encoding="utf-8")
        assert development(folder, DJANGO_SECRET_KEY_FILE=str(tmp_path / "key")).secret_key == SECRET

    def test_webhook_secrets_may_lie_in_files_too(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "hook").write_text("first,second\n", encoding="utf-8")
        values = development(folder, WEBHOOK_SECRETS_GITHUB_FILE=str(tmp_path / "hook"))
        assert values.webhook_secrets == {"github": ("first", "second")}

    def test_a_missing_file_is_named(self, folder: Path, tmp_path: Path) -> None:
        line = refusal({"DESK_DATA_DIR": str(folder), "DESK_KEYS_FILE": str(tmp_path / "none")})
        assert "DESK_KEYS_FILE" in line
        assert str(tmp_path / "none") in line

    def test_value_and_file_together_are_refused(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(SECRET, encoding="utf-8")
        values = {"DJANGO_SECRET_KEY": SECRET, "DJANGO_SECRET_KEY_FILE": str(tmp_path / "key")}
        assert "DJANGO_SECRET_KEY_FILE" in refusal({"DESK_DATA_DIR": str(folder)} | values)

    def test_an_empty_file_is_no_secret_in_production(self, tmp_path: Path) -> None:
        (tmp_path / "key").touch()
        values = {name: text for name, text in PRODUCTION.items() if name != "DESK_KEYS"}
        assert "DESK_KEYS" in refusal(values | {"DESK_KEYS_FILE": str(tmp_path / "key")})


class TestGeneratedSecrets:
    def test_development_makes_them_once_and_keeps_them(self, folder: Path) -> None:
        first, second = development(folder), development(folder)
        assert first.generated == {"DJANGO_SECRET_KEY", "DESK_KEYS"}
        assert (first.secret_key, first.keys) == (second.secret_key, second.keys)
        assert first.secret_key != first.keys[0]
        assert len(first.secret_key) >= 50

    def test_the_owner_alone_can_read_them(self, folder: Path) -> None:
        development(folder)
        assert stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
        files = list((folder / "secrets").iterdir())
        assert {file.name for file in files} == {"django_secret_key", "desk_keys"}
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}

    def test_first_starts_at_the_same_time_agree_on_one_key(self, folder: Path) -> None:
        with ThreadPoolExecutor(4) as starts:
            keys = set(starts.map(lambda _number: secret_of_a_process(folder), range(4)))
        assert len(keys) == 1
        assert [file.name for file in folder.rglob(".*")] == []  # no draft is left over


def secret_of_a_process(folder: Path) -> str:
    environment = {"PATH": os.environ["PATH"], "DESK_DATA_DIR": str(folder)}
    command = [sys.executable, "-c", READ_THE_KEY]
    return subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=True
    ).stdout
