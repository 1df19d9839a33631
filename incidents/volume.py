"""Many made-up incidents at once, for measuring: written by the database itself, never through the services.

They are marked as demo, so nothing of them is ever sent, and their references hold a letter no real one has.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pgtrigger
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models, transaction

from config.casework.access.models import User
from config.casework.access.services import operator_organization
from config.casework.audit.models import AuditEntry
from config.casework.cases.models import Note
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import Organization, System
from config.casework.deadlines.models import Deadline
from incidents.models import Incident
from incidents.severity.models import Severity

KEY = "bench:"  # begins the source key of each of them
SYSTEM = "jobarium"
BATCH = 50_000
ORGANIZATIONS = 8
OPEN_EVERY = 50  # one of so many is open: 2 %
SUBJECTS = (
    "Invites",
    "Candidates",
    "Packets",
    "CV parsing",
    "Answers",
    "Interviews",
    "Summaries",
    "Payments",
    "Search",
    "Calendars",
)
TROUBLES = ("delayed", "missing", "empty", "slow to load", "sent twice", "out of order", "refused", "cut off")
PLACES = (
    "in one region",
    "for one employer",
    "on phones",
    "after the release",
    "in the morning peak",
    "for scans",
    "at the weekend",
    "in dark mode",
    "for new accounts",
)
SPREAD = "interval '730 days'"
TIDY = """
SELECT gin_clean_pending_list(index.indexrelid) FROM pg_index index
JOIN pg_class class ON class.oid = index.indexrelid JOIN pg_am method ON method.oid = class.relam
WHERE index.indrelid = %s::regclass AND method.amname = 'gin'
"""

# n counts from 1; what was received when, and how long it took, follows from it alone.
RECEIVED = (
    "CASE WHEN {open} THEN %(at)s - (n / {every}) %% 9000 * interval '1 minute' - interval '1 minute' "
    "ELSE %(at)s - {spread} * (1 - (n::float - %(first)s) / %(cases)s) - interval '8 days' END"
)
IS_OPEN = f"n %% {OPEN_EVERY} = 0"
PLACE = f"(n / {OPEN_EVERY}) %% 4"  # which of the four open states
STATE = f"CASE WHEN {IS_OPEN} THEN (ARRAY['detected','triaged','stabilized','resolved'])[1 + {PLACE}] ELSE 'closed' END"
LEVEL = "1 + CASE WHEN n %% 20 = 0 THEN 0 WHEN n %% 5 = 0 THEN 1 ELSE 2 END"  # 5 % SEV-1, 15 % SEV-2, the rest SEV-3


def load(cases: int, *, at: datetime) -> int:
    """Write so many incidents, spread over the two years before `at`, with clocks, notes and trail.

    Returns:
        how many incidents there are of this kind now.
    Raises:
        System.DoesNotExist: the runbook of Jobarium was not loaded.
    """
    first = Incident.objects.filter(source_key__startswith=KEY).count()
    context = _context(cases, first, at)
    for begin in range(first + 1, first + cases + 1, BATCH):
        end = min(begin + BATCH - 1, first + cases)
        with transaction.atomic(), _without_row_history():
            _write_batch(context | {"begin": begin, "end": end})
    with connection.cursor() as cursor:
        for model in (Incident, Deadline, Note, AuditEntry):
            cursor.execute(TIDY, [_table(model)])  # as a vacuum would: searches walk through what waits to be indexed
            cursor.execute(f"ANALYZE {_table(model)}")
    return first + cases


@contextmanager
def _without_row_history() -> Iterator[None]:
    """Keep the history triggers still: nobody changed these rows, and they would take most of the time.

    `pgtrigger.ignore` says the same, but cannot stand before statements with named parameters.
    """
    names = [trigger.get_pgid(model) for model, trigger in pgtrigger.registered() if model._meta.model is Incident]
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{','.join(names)}}}"])
        yield
        cursor.execute("SELECT set_config('pgtrigger.ignore', '{}', true)")


def _context(cases: int, first: int, at: datetime) -> dict[str, Any]:
    system = System.objects.get(key=SYSTEM)
    operator = operator_organization()
    for number in range(1, ORGANIZATIONS):
        Organization.objects.get_or_create(
            key=f"bench-{number}", defaults={"name": f"Bench employer {number}", "kind": OrganizationKind.TENANT}
        )
    tenants = Organization.objects.filter(key__startswith="bench-").order_by("key").values_list("pk", flat=True)
    staff = (
        User.objects.filter(is_staff=True, is_active=True, memberships__organization=operator)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    return {
        "at": at,
        "cases": cases,
        "first": first,
        "system": system.pk,
        "organizations": [operator.pk, *tenants],
        "people": [*staff, None],
        "levels": list(Severity.objects.filter(system=system).order_by("rank").values_list("pk", flat=True)),
        "type": ContentType.objects.get_for_model(Incident).pk,
        "subjects": list(SUBJECTS),
        "troubles": list(TROUBLES),
        "places": list(PLACES),
    }


def _write_batch(context: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        source = f"(SELECT n, {RECEIVED.format(open=IS_OPEN, every=OPEN_EVERY, spread=SPREAD)} AS received FROM generate_series(%(begin)s::int, %(end)s::int) AS n) AS made"
        _insert(cursor, Incident, INCIDENT, source, context)
        mine = f"(SELECT *, substr(source_key, {len(KEY) + 1})::int AS n FROM {_table(Incident)} WHERE source = 'alert' AND source_key LIKE '{KEY}%%' AND id > %(after)s) AS made"
        context["after"] = _last_before(context)
        for kind, values, condition in CLOCKS:
            _insert(cursor, Deadline, {**CLOCK, "kind": f"'{kind}'", **values}, f"{mine} WHERE {condition}", context)
        for words, condition in NOTES:
            _insert(cursor, Note, {**NOTE, "text": words}, f"{mine} WHERE {condition}", context)
        for action, moment, condition in ENTRIES:
            _insert(
                cursor,
                AuditEntry,
                {**ENTRY, "action": f"'{action}'", "at": moment, "happened_at": moment},
                f"{mine} WHERE {condition}",
                context,
            )
        cursor.execute(NEAREST, context)


def _last_before(context: dict[str, Any]) -> int:
    """The id just before the batch: ids are given in the order of n."""
    return int(Incident.objects.get(source="alert", source_key=f"{KEY}{context['begin']}").pk) - 1


def _insert(
    cursor: Any, model: type[models.Model], values: Mapping[str, str], source: str, context: Mapping[str, Any]
) -> None:
    """Insert a row for each of `source`; columns that are not named get the model's default."""
    columns, expressions, parameters = [], [], dict(context)
    for column in model._meta.concrete_fields:
        if column.primary_key or (column.has_db_default() and column.attname not in values):
            continue
        columns.append(connection.ops.quote_name(str(column.column)))
        if column.attname in values:
            expressions.append(values[column.attname])
        else:
            parameters[f"default_{column.attname}"] = column.get_db_prep_save(column.get_default(), connection)
            expressions.append(f"%(default_{column.attname})s")
    cursor.execute(
        f"INSERT INTO {_table(model)} ({', '.join(columns)}) SELECT {', '.join(expressions)} FROM {source}", parameters
    )


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _reached(*states: str) -> str:
    """SQL: the incident is in one of these states or closed."""
    return f"({STATE}) IN ({', '.join(repr(state) for state in (*states, 'closed'))})"


TRIAGED = _reached("triaged", "stabilized", "resolved")
STABILIZED = _reached("stabilized", "resolved")
RESOLVED = _reached("resolved")

INCIDENT = {
    "reference": "'INC-' || to_char(received AT TIME ZONE 'UTC', 'YYYY') || '-V' || lpad(n::text, 7, '0')",
    "system_id": "%(system)s",
    "organization_id": "(%(organizations)s::bigint[])[1 + n %% array_length(%(organizations)s::bigint[], 1)]",
    "title": "(%(subjects)s::text[])[1 + n %% 10] || ' ' || (%(troubles)s::text[])[1 + n / 10 %% 8] || ' ' || (%(places)s::text[])[1 + n / 80 %% 9] || ' (' || n || ')'",
    "owner_id": "(%(people)s::bigint[])[1 + n %% array_length(%(people)s::bigint[], 1)]",
    "received_at": "received",
    "created_at": "received",
    "closed_at": f"CASE WHEN {_reached()} THEN received + interval '2 days' END",
    "version": "3",
    "state": STATE,
    "severity_id": f"(%(levels)s::bigint[])[least({LEVEL}, array_length(%(levels)s::bigint[], 1))]",
    "source": "'alert'",
    "source_key": f"'{KEY}' || n",
    "scope": "'Some users of one employer'",
    "description": "'Made up for measuring: nobody is affected. Number ' || n",
    "acknowledged_at": f"CASE WHEN {TRIAGED} OR n %% {OPEN_EVERY * 8} <> 0 THEN received + interval '6 minutes' END",
    "triaged_at": f"CASE WHEN {TRIAGED} THEN received + interval '12 minutes' END",
    "stabilized_at": f"CASE WHEN {STABILIZED} THEN received + interval '40 minutes' END",
    "impact_over_at": f"CASE WHEN {RESOLVED} THEN received + interval '50 minutes' END",
    "resolved_at": f"CASE WHEN {RESOLVED} THEN received + interval '1 hour' END",
    "cause": f"CASE WHEN {_reached()} THEN 'A made-up cause' ELSE '' END",
    "fix_reference": f"CASE WHEN {_reached()} THEN 'release ' || n %% 400 ELSE '' END",
    "is_demo": "true",
}
CLOCK = {
    "content_type_id": "%(type)s",
    "object_id": "id",
    "started_at": "received_at",
    "pauses": "'[]'::jsonb",
    "steps": "'[]'::jsonb",
}
_DONE = "state = 'closed'"
CLOCKS: tuple[tuple[str, dict[str, str], str], ...] = tuple(
    (
        kind,
        {
            "span": f"'{span}'",
            "due_at": f"received_at + interval '{length}'",
            "warn_at": f"received_at + interval '{length}' * 0.8",
            "met_at": met,
            "warned_at": f"CASE WHEN {met} IS NULL AND received_at + interval '{length}' * 0.8 <= %(at)s THEN received_at + interval '{length}' * 0.8 END",
            "breached_at": f"CASE WHEN {met} IS NULL AND received_at + interval '{length}' < %(at)s THEN received_at + interval '{length}' END",
        },
        condition,
    )
    for kind, span, length, met, condition in (
        ("acknowledge", "PT1H", "1 hour", "acknowledged_at", "true"),
        ("mitigate", "P5D", "5 days", "stabilized_at", "true"),
        ("update", "P3D", "3 days", "NULL::timestamptz", f"state <> 'resolved' AND NOT {_DONE}"),
        ("complete_record", "", "4 days", "closed_at", f"state = 'resolved' OR {_DONE}"),
    )
)
NOTE = {
    "content_type_id": "%(type)s",
    "object_id": "id",
    "author_id": "owner_id",
    "at": "received_at + interval '20 minutes'",
    "recorded_at": "received_at + interval '20 minutes'",
}
NOTES = (
    ("'Looked at it; the usual suspects are fine. Number ' || n", "true"),
    ("'An employer wrote; answered.'", "n %% 3 = 0"),
)
ENTRY = {
    "actor_id": "owner_id",
    "actor_label": "CASE WHEN owner_id IS NULL THEN 'desk' ELSE 'P-' || lpad(owner_id::text, 4, '0') END",
    "object_type": "'incidents.incident'",
    "object_id": "id",
    "case_reference": "reference",
    "organization_id": "organization_id",
    "fields": "ARRAY[]::varchar[]",
    "detail": "'{}'::jsonb",
}
ENTRIES = (
    ("incident.opened", "received_at", "true"),
    ("incident.acknowledged", "acknowledged_at", "acknowledged_at IS NOT NULL"),
    ("incident.triaged", "triaged_at", "triaged_at IS NOT NULL"),
    ("incident.resolved", "resolved_at", "resolved_at IS NOT NULL"),
    ("incident.closed", "closed_at", "closed_at IS NOT NULL"),
)
NEAREST = f"""
UPDATE {Incident._meta.db_table} AS incident SET next_due_at = nearest.due_at, next_due_kind = nearest.kind
FROM (
    SELECT DISTINCT ON (object_id) object_id, due_at, kind FROM {Deadline._meta.db_table}
    WHERE content_type_id = %(type)s AND object_id > %(after)s AND met_at IS NULL AND cancelled_at IS NULL
    ORDER BY object_id, due_at
) AS nearest
WHERE incident.id = nearest.object_id AND incident.source_key LIKE '{KEY}%%'
"""
