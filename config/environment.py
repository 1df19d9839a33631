"""The desk's settings as typed values, read once from the environment.

Every name is documented in the README. A bad value stops the start with one line that names the variable; nothing is
guessed. `<NAME>_FILE` names a file that holds the value of any secret.
"""

import ipaddress
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import environ

PROJECT = Path(__file__).resolve().parent.parent
SECRET_NAMES = (
    "DJANGO_SECRET_KEY",
    "DESK_KEYS",
    "DATABASE_URL",
    "EMAIL_URL",
    "GOOGLE_CLIENT_SECRET",
    "NOTIFY_URLS",
    "Q_BROKER_URL",
    "STORAGE_URL",
)
ICIMS_SECRET = "ICIMS_WEBHOOK_SECRET"  # noqa: S105 - a name
WEBHOOK_SECRETS = "WEBHOOK_SECRETS_"

type Stage = Literal["development", "production"]


class BadEnvironment(Exception):
    """A variable holds a value the desk cannot use; the text names the variable."""


@dataclass(frozen=True)
class Environment:
    """Everything the desk reads from the environment, checked and typed."""

    stage: Stage
    testing: bool
    data_dir: Path
    secret_key: str
    keys: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    base_url: str
    database: Mapping[str, Any]
    database_role: str
    database_pool: int
    superadmin_emails: frozenset[str]
    google_client_id: str
    google_client_secret: str
    mailer: Mapping[str, Any]
    mail_from: str
    notify_urls: tuple[str, ...]
    broker_url: str
    outbound_allow: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    heartbeat_url: str
    staff_email_domains: frozenset[str]
    webhook_secrets: Mapping[str, tuple[str, ...]]
    debug: bool = False
    log_level: str = "INFO"
    generated: frozenset[str] = field(default_factory=frozenset)

    @property
    def production(self) -> bool:
        return self.stage == "production"


class Reader:
    """Reads single values and turns every failure into one line that names the variable."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        webhooks = {
            name.removesuffix("_FILE") for name in self.values if name.startswith((WEBHOOK_SECRETS, ICIMS_SECRET))
        }
        for name in (*SECRET_NAMES, *sorted(webhooks)):
            self._from_file(name)
        self.env = environ.FileAwareEnv()
        self.env.ENVIRON = self.values

    def _from_file(self, name: str) -> None:
        path = self.values.pop(f"{name}_FILE", "")
        if not path:
            return
        if name in self.values:
            raise BadEnvironment(f"{name} and {name}_FILE are both set; keep one.")
        try:
            self.values[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadEnvironment(f"{name}_FILE: cannot read {path} ({error.__class__.__name__}).") from error

    def text(self, name: str, default: str = "") -> str:
        return self.values.get(name, "").strip() or default

    def items(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.values.get(name, "").split(",") if part.strip()) or default

    def number(self, name: str, default: int, *, least: int = 0) -> int:
        text = self.text(name)
        if not text:
            return default
        if not text.isdecimal() or int(text) < least:
            raise BadEnvironment(f"{name} must be a whole number of at least {least}, not {text!r}.")
        return int(text)

    def flag(self, name: str) -> bool:
        text = self.text(name, "0").lower()
        if text not in {"0", "1", "true", "false", "yes", "no", "on", "off"}:
            raise BadEnvironment(f"{name} must be true or false, not {text!r}.")
        return text in {"1", "true", "yes", "on"}

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        text = self.text(name, default)
        if text not in choices:
            raise BadEnvironment(f"{name} must be one of {', '.join(choices)}, not {text!r}.")
        return text

    def url(self, name: str, *, default: str = "", schemes: tuple[str, ...] = ("http", "https")) -> str:
        text = self.text(name, default)
        if text:
            try:
                parts = urlsplit(text)
                parts.port  # noqa: B018 - reading it is the check
            except ValueError as error:
                raise BadEnvironment(f"{name} is not a URL ({error}).") from error
            if parts.scheme not in schemes or not parts.hostname:
                raise BadEnvironment(f"{name} must be a URL that starts with {' or '.join(schemes)}://.")
        return text.rstrip("/")

    def parsed[T](self, name: str, parse: Callable[[str], T], text: str) -> T:
        """Parse `text` with a library that raises its own errors; the variable is named, the value is not shown."""
        try:
            return parse(text)
        except Exception as error:
            raise BadEnvironment(f"{name} cannot be understood ({error.__class__.__name__}).") from error


def read(values: Mapping[str, str] | None = None) -> Environment:
    """Read and check all variables.

    Args:
        values: the environment to read; the process's own by default.
    Raises:
        BadEnvironment: a value cannot be used; the text is one line and names the variable.
    """
    reader = Reader(os.environ if values is None else values)
    stage: Stage = (
        "production"
        if reader.choice("DESK_ENV", ("development", "production"), "development") == "production"
        else "development"
    )
    data_dir = Path(reader.text("DESK_DATA_DIR", str(PROJECT / "var"))).expanduser().resolve()
    generated: set[str] = set()
    secret_key = reader.text("DJANGO_SECRET_KEY") or _kept_secret(data_dir, "DJANGO_SECRET_KEY", stage, generated)
    keys = reader.items("DESK_KEYS") or tuple(_kept_secret(data_dir, "DESK_KEYS", stage, generated).split(","))
    return Environment(
        stage=stage,
        testing=reader.flag("DESK_TESTING"),
        debug=reader.flag("DEBUG"),
        data_dir=data_dir,
        secret_key=secret_key,
        keys=keys,
        allowed_hosts=reader.items(
            "ALLOWED_HOSTS", () if stage == "production" else ("localhost", "127.0.0.1", "[::1]", "testserver")
        ),
        base_url=reader.url("BASE_URL", default="" if stage == "production" else "http://127.0.0.1:8000"),
        database=_database(reader),
        database_role=reader.text("DATABASE_ROLE"),
        database_pool=reader.number("DATABASE_POOL", 0),
        superadmin_emails=frozenset(email.casefold() for email in reader.items("SUPERADMIN_EMAILS")),
        google_client_id=reader.text("GOOGLE_CLIENT_ID"),
        google_client_secret=reader.text("GOOGLE_CLIENT_SECRET"),
        mailer=_mailer(reader, stage),
        mail_from=reader.text("MAIL_FROM", "Jobarium Desk <desk@localhost>"),
        notify_urls=reader.items("NOTIFY_URLS"),
        broker_url=reader.url("Q_BROKER_URL", schemes=("redis", "rediss")),
        outbound_allow=_networks(
            reader, "OUTBOUND_ALLOW", () if stage == "production" else ("127.0.0.0/8", "::1/128"), hosts=True
        ),
        trusted_proxies=_networks(reader, "TRUSTED_PROXIES", (), hosts=False),
        heartbeat_url=reader.url("HEARTBEAT_URL"),
        staff_email_domains=frozenset(domain.casefold() for domain in reader.items("STAFF_EMAIL_DOMAINS")),
        webhook_secrets=_webhook_secrets(reader),
        log_level=reader.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
        generated=frozenset(generated),
    )


def _kept_secret(data_dir: Path, name: str, stage: Stage, generated: set[str]) -> str:
    """A secret that development makes once and keeps in the data folder; production must bring its own."""
    if stage == "production":
        raise BadEnvironment(f"{name} is empty; production needs one (or {name}_FILE).")
    generated.add(name)
    path = data_dir / "secrets" / name.lower()
    try:
        if not path.exists():
            _keep_new_secret(path)
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise BadEnvironment(f"DESK_DATA_DIR: no secret can be kept in {path.parent} ({error.strerror}).") from error


def _keep_new_secret(path: Path) -> None:
    """Make a secret and link it into place whole: of two first starts at once exactly one stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(48), encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _database(reader: Reader) -> Mapping[str, Any]:
    text = reader.text("DATABASE_URL")
    if not text:
        return {}
    parsed: dict[str, Any] = dict(reader.parsed("DATABASE_URL", lambda value: reader.env.db_url_config(value), text))
    if parsed.get("ENGINE") != "django.db.backends.postgresql":
        raise BadEnvironment("DATABASE_URL must be a postgresql:// URL; the desk runs on PostgreSQL alone.")
    return parsed


def _mailer(reader: Reader, stage: Stage) -> Mapping[str, Any]:
    text = reader.text("EMAIL_URL", "" if stage == "production" else "consolemail://")
    if not text:
        raise BadEnvironment(
            "EMAIL_URL is empty; production needs a mail server, for example smtp+tls://user:password@mail.example.com:587."
        )
    config: dict[str, Any] = dict(reader.parsed("EMAIL_URL", lambda value: reader.env.email_url_config(value), text))
    mailer: dict[str, Any] = {"BACKEND": config["EMAIL_BACKEND"]}
    if config["EMAIL_BACKEND"].endswith("smtp.EmailBackend"):
        mailer["OPTIONS"] = {
            "host": config.get("EMAIL_HOST") or "localhost",
            "port": config.get("EMAIL_PORT") or 25,
            "username": config.get("EMAIL_HOST_USER") or "",
            "password": config.get("EMAIL_HOST_PASSWORD") or "",
            "use_tls": bool(config.get("EMAIL_USE_TLS")),
            "use_ssl": bool(config.get("EMAIL_USE_SSL")),
            "timeout": 10,
        }
    return mailer


def _webhook_secrets(reader: Reader) -> Mapping[str, tuple[str, ...]]:
    """The secrets of each webhook provider, by the provider's name in lower case; two while one replaces the other."""
    secrets_of: dict[str, tuple[str, ...]] = {}
    for name in sorted(reader.values):
        if name == ICIMS_SECRET or name.startswith(WEBHOOK_SECRETS):
            provider = "icims" if name == ICIMS_SECRET else name.removeprefix(WEBHOOK_SECRETS).lower()
            values = reader.items(name)
            if len(values) > 2:
                raise BadEnvironment(f"{name} holds {len(values)} secrets; one or two are used, separated by a comma.")
            if values and provider in secrets_of:
                raise BadEnvironment(f"{name} and {WEBHOOK_SECRETS}{provider.upper()} are both set; keep one.")
            if values:
                secrets_of[provider] = values
    return secrets_of


def _networks(reader: Reader, name: str, default: tuple[str, ...], *, hosts: bool) -> tuple[str, ...]:
    items = reader.items(name, default)
    for item in items:
        try:
            ipaddress.ip_network(item)
        except ValueError as error:
            if not hosts or "/" in item or not item.strip("."):
                raise BadEnvironment(f"{name}: {item!r} is not a network such as 10.0.0.0/8 ({error}).") from error
    return items
