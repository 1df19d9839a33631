"""What the desk refuses to run with (`desk.E...`) and what it warns of (`desk.W...`).

The errors of `production` and `personal_data` stop every command; the web server also refuses those of `trail_rights`
(see `refuse_to_start`). Warnings are shown by `manage.py check --deploy`.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pghistory.models
import structlog
from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.checks import ERROR, CheckMessage, Error, Tags, Warning, register, run_checks
from django.db import DatabaseError, connections, models

from config.casework.personal import Declaration, declaration

TAG = "desk"
OUR_APPS = frozenset({"desk", "casework", "integrations", "incidents", "gdpr", "disputes"})
SHORTEST_SECRET = 32
SHORTEST_WEBHOOK_SECRET = 16
FEWEST_LETTERS = 8  # different ones
KNOWN_WEAK = ("test-webhook-secret", "changeme", "change-me", "django-insecure-", "insecure", "password", "example")
TEXT = (models.CharField, models.TextField, models.JSONField, models.BinaryField, models.GenericIPAddressField)
OWNED_OR_CHANGEABLE = """
    SELECT pg_has_role(current_user, relowner, 'USAGE'), has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE')
    FROM pg_class WHERE oid = to_regclass(%(table)s)
"""
BOOT_FAILURE = 3  # tells gunicorn to stop instead of trying again

log = structlog.get_logger("desk.start")

type Apps = Sequence[AppConfig] | None


@register(TAG)
def production(app_configs: Apps = None, **_options: Any) -> list[CheckMessage]:
    """What production refuses: weak or default secrets, debugging, plain http, any host (SEC-14)."""
    if not settings.PRODUCTION:
        return []
    return [*_secrets(), *_doors()]


@register(TAG, deploy=True)
def readiness(app_configs: Apps = None, **_options: Any) -> list[CheckMessage]:
    """What a desk in service should have."""
    found: list[CheckMessage] = []
    if not settings.SUPERADMIN_EMAILS:
        hint = "Name at least one address, so that somebody can reach everything when the others are away."
        found.append(Warning("SUPERADMIN_EMAILS is empty: there is no superadmin.", hint=hint, id="desk.W001"))
    if not settings.HEARTBEAT_URL:
        hint = "Give the address of a dead-man service elsewhere; it notices when the desk itself stands still."
        found.append(Warning("HEARTBEAT_URL is empty: nobody notices when the desk stops.", hint=hint, id="desk.W002"))
    return found


@register(TAG, Tags.models)
def personal_data(app_configs: Apps = None, **_options: Any) -> list[CheckMessage]:
    """Every text column of ours is judged, and row history keeps none that holds personal data."""
    found: list[CheckMessage] = []
    for model in apps.get_models():
        if model._meta.app_label in OUR_APPS and not model._meta.proxy:
            found.extend(judge_history(model) if issubclass(model, pghistory.models.Event) else judge(model))
    return found


@register(TAG, Tags.database, deploy=True)
def trail_rights(
    app_configs: Apps = None, databases: Iterable[str] | None = None, **_options: Any
) -> list[CheckMessage]:
    """In production the connected role must not be able to change the trail, be it by right or by owning it."""
    if not settings.PRODUCTION or not databases:
        return []
    return [message for alias in databases for message in judge_rights(alias)]


def judge(model: type[models.Model]) -> Iterator[CheckMessage]:
    """Whether a model declares what it holds about people, column by column."""
    declared = declaration(model)
    label = model._meta.label
    if declared is None:
        hint = "Write @personal(...) above the class: config/casework/personal.py says how."
        yield Error(f"{label} does not declare what it holds about people.", hint=hint, obj=model, id="desk.E031")
        return
    for column in model._meta.local_concrete_fields:
        if _may_hold_words(column) and column.name not in declared.rulings and column.name not in declared.plain:
            hint = f"Add {column.name} to `plain`, or rule it with `holds(...)`, in the model's @personal(...)."
            yield Error(f"Nobody judged {label}.{column.name}.", hint=hint, obj=model, id="desk.E030")
    yield from _judge_names(model, declared)


def judge_history(model: type[models.Model]) -> Iterator[CheckMessage]:
    """Whether the history of a model leaves out its personal columns: else erasing would have to rewrite history."""
    tracked = getattr(model, "pgh_tracked_model", None)
    declared = declaration(tracked) if tracked else None
    for name in sorted(declared.rulings if declared else ()):
        if any(column.name == name for column in model._meta.local_concrete_fields):
            hint = f"Exclude {name} where the history is declared: pghistory.track(..., exclude=[...])."
            yield Error(f"{model._meta.label} keeps the personal column {name}.", hint=hint, obj=model, id="desk.E033")


def judge_rights(alias: str) -> list[CheckMessage]:
    """Whether the connected role could change an append-only table; nothing when the database does not answer."""
    found: list[CheckMessage] = []
    try:
        with connections[alias].cursor() as cursor:
            for table in _append_only_tables():
                cursor.execute(OWNED_OR_CHANGEABLE, {"table": table})
                row = cursor.fetchone()
                if row and any(row):
                    owns = "owns" if row[0] else "may change"
                    hint = "Connect web and workers as a role without that right: set DATABASE_ROLE=desk_app."
                    found.append(
                        Error(f"The connected role {owns} the append-only table {table}.", hint=hint, id="desk.E032")
                    )
    except DatabaseError:
        return []
    return found


def refuse_to_start() -> None:
    """Stop the web server in production when a check of ours finds an error: one line each on standard error.

    Raises:
        SystemExit: with the status that keeps gunicorn from starting the worker again and again.
    """
    if settings.PRODUCTION:
        messages = run_checks(tags=[TAG], include_deployment_checks=True, databases=["default"])
        errors = [message for message in messages if message.level >= ERROR]
        connections.close_all()
        if errors:
            for error in errors:
                line = " ".join(f"{error.id}: {error.msg} {error.hint or ''}".split())
                sys.stderr.write(f"The desk cannot start: {line}\n")
            raise SystemExit(BOOT_FAILURE)
    log.info("start", stage=settings.DESK_ENV, superadmins=len(settings.SUPERADMIN_EMAILS))


def _secrets() -> Iterator[CheckMessage]:
    long_one = 'Make one with: python -c "import secrets; print(secrets.token_urlsafe(48))"'
    if why := weakness(settings.SECRET_KEY, SHORTEST_SECRET):
        yield Error(f"DJANGO_SECRET_KEY {why}.", hint=long_one, id="desk.E002")
    for number, key in enumerate(settings.DESK_KEYS, start=1):
        if why := weakness(key, SHORTEST_SECRET):
            yield Error(f"DESK_KEYS: key {number} {why}.", hint=long_one, id="desk.E003")
    for provider, secrets in sorted(settings.WEBHOOK_SECRETS.items()):
        for secret in secrets:
            if why := weakness(secret, SHORTEST_WEBHOOK_SECRET):
                name = "ICIMS_WEBHOOK_SECRET" if provider == "icims" else f"WEBHOOK_SECRETS_{provider.upper()}"
                hint = "Agree on a random one with the sender."
                yield Error(f"{name} {why}.", hint=hint, id="desk.E006")


def _doors() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error("DEBUG is on.", hint="Unset it: it shows settings and data to strangers.", id="desk.E001")
    if not settings.BASE_URL.startswith("https://"):
        hint = "Links in mails begin with it, such as https://desk.example.com."
        yield Error("BASE_URL must start with https://.", hint=hint, id="desk.E004")
    if not settings.ALLOWED_HOSTS or any(host.strip(".") in {"", "*"} for host in settings.ALLOWED_HOSTS):
        hint = "Name the hosts the desk answers to, such as desk.example.com."
        yield Error("ALLOWED_HOSTS is empty or lets any host in.", hint=hint, id="desk.E005")


def weakness(secret: str, shortest: int) -> str:
    """Why a secret is weak, as the rest of a sentence; empty when it is not. The secret itself is never shown."""
    if any(word in secret.casefold() for word in KNOWN_WEAK):
        return "is a well-known value or contains one"
    if len(secret) < shortest:
        return f"is shorter than {shortest} characters"
    if len(set(secret)) < FEWEST_LETTERS:
        return "repeats few characters"
    return ""


def _may_hold_words(column: models.Field[Any, Any]) -> bool:
    """A column that words fit into; those limited to choices hold codes."""
    base = column.base_field if isinstance(column, ArrayField) else column
    return isinstance(base, TEXT) and not base.choices


def _judge_names(model: type[models.Model], declared: Declaration) -> Iterator[CheckMessage]:
    known = {column.name for column in model._meta.concrete_fields}
    for name in sorted((declared.rulings.keys() | declared.plain) - known):
        hint = "Correct the name in the model's @personal(...)."
        yield Error(f"{model._meta.label} declares {name}, which is no column.", hint=hint, obj=model, id="desk.E034")


def _append_only_tables() -> list[str]:
    return sorted(model._meta.db_table for model in apps.get_models() if getattr(model, "append_only", False))
