"""Every address has a row in tests/access_table.py, and answers each role as the row says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings as django_settings
from django.contrib.auth.models import AnonymousUser
from django.db import models, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from config.casework.access.choices import Role, Scope
from config.casework.access.models import ApiToken, User
from config.casework.access.services import issue_token
from config.casework.approvals.models import Deputy
from config.casework.approvals.services import request_approval
from config.casework.audit.models import AuditEntry, AuditSeal
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.files.services import store
from config.casework.work.models import Job
from disputes.explanations.services import ask as ask_explanation
from disputes.models import (
    AiSystem,
    EmployerSwitch,
    HiringDecision,
    ProxyFinding,
    RefusedAttempt,
    ReportingLine,
    Reversal,
    ReviewerAuthority,
    ScoringService,
    ScoringVersion,
    SeriousIncident,
    TimeoutSwitch,
)
from incidents.backups.choices import BackupResult, VerificationState
from incidents.deployments.services import plan_deployment
from incidents.models import (
    ActionItem,
    Affected,
    BackupPolicy,
    BackupRun,
    BackupVerification,
    CalendarFeed,
    CapacityLimit,
    CommandReference,
    ContactMethod,
    CustomerContact,
    Fallback,
    FeatureSwitch,
    HandOverNote,
    Incident,
    Leave,
    MaintenanceRule,
    MaintenanceWindow,
    MessageTemplate,
    Mitigation,
    Mute,
    OnCallRole,
    OnCallShift,
    Page,
    Procedure,
    ReleaseWindow,
    RoleHolder,
    Rotation,
    Run,
    Severity,
    ShiftRecord,
    ShiftSwap,
)
from incidents.procedures.services import start_run
from incidents.services import open_incident
from tests import factories
from tests.access_table import ADDRESSES, ADMIN, ANONYMOUS, LIBRARIES, MEMBER, ORG_ADMIN, ROLES, UNNAMED, Row, Table
from tests.disputes import disputing, makers

RUNBOOK = django_settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"
PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"
PAGES = ("changelist", "add", "history", "delete", "change")


def addresses(resolver: URLResolver, space: str = "", route: str = "") -> Iterator[tuple[str, str]]:
    """Name and route of every address of the house."""
    for pattern in resolver.url_patterns:
        here = f"{route}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield (f"{space}{pattern.name}" if pattern.name else "", here)
        else:
            yield from addresses(pattern, f"{space}{pattern.namespace}:" if pattern.namespace else space, here)


def row_of(name: str) -> Row | None:
    """The row of a named address: its own, or one of its table."""
    if name in ADDRESSES:
        return ADDRESSES[name]
    for key, table in ADMIN.items():
        page = name.removeprefix(f"admin:{key}_")
        if page != name and (page in PAGES or page in table.acts):
            return _row_of_table(table, page)
    return None


def _row_of_table(table: Table, page: str) -> Row:
    one = (table.row,)
    match page:
        case "changelist":
            return Row(table.lists or table.view)
        case "add":
            return Row(table.add, post=table.add)
        case "change":
            return Row(table.view, post=table.change, objects=one)
        case "delete":
            return Row(table.delete, post=table.delete, objects=one)
        case "history":
            return Row(table.view, objects=one)
    return table.acts[page]


@dataclass
class World:
    """One row of each kind, by the name the table uses."""

    rows: dict[str, models.Model]

    def arguments(self, row: Row) -> list[Any] | None:
        """The arguments of an address; None when the world has no such row."""
        found: list[Any] = []
        for name in row.objects:
            if name.startswith(":"):
                found.append(name[1:])
            elif name in self.rows:
                found.append(self.rows[name].pk)
            else:
                return None
        return found


@pytest.fixture
def world(db: None, now: datetime, settings: Any) -> World:
    settings.STAFF_NEEDS_SECOND_FACTOR = False
    load([RUNBOOK], at=now)
    system = System.objects.get(key="jobarium")
    owner = factories.person(Role.SUPPORT)
    incident = open_incident(
        system,
        title="No invitations",
        actor=None,
        at=now,
        severity=Severity.objects.filter(system=system)[0],
        scope="All",
    )
    issue_token("t", [Scope.CASES], actor=None, at=now)
    start_run(Procedure.objects.get(key="jobarium-dlq-replay-steps"), actor=None, at=now)
    rotation = Rotation.objects.create(system=system, key="primary", created_at=now, changed_at=now)
    span = {"starts_at": now, "ends_at": now + timedelta(days=1)}
    entered = {**span, "person": owner, "entered_at": now, "changed_at": now}
    dispute = disputing.filed(now, disputing.contested(now, system=system))
    rows: dict[str, models.Model | None] = {
        "dispute": dispute,
        "reversal": Reversal.objects.create(dispute=dispute, what="t", noted_at=now),
        "explanation": ask_explanation(dispute.assessment, question="", email="", language="en-gb", at=now),
        "reporting_line": ReportingLine.objects.create(person=owner, superior=factories.person(Role.SUPPORT)),
        "scoring_service": ScoringService.objects.create(system=system, url="https://scores.example/rescore"),
        "timeout_switch": TimeoutSwitch.objects.create(
            incident=incident, reason="t", asked_by=owner, asked_at=now, until=now + timedelta(days=1)
        ),
        "rotation": rotation,
        "shift": OnCallShift.objects.create(rotation=rotation, **entered),
        "leave": Leave.objects.create(**entered),
        "swap": ShiftSwap.objects.create(rotation=rotation, offered_by=owner, offered_at=now, **span),
        "note": HandOverNote.objects.create(rotation=rotation, text="t", author=owner, written_at=now),
        "feed": CalendarFeed.objects.create(owner=owner, prefix="p", digest="d", created_at=now),
        "shift_record": ShiftRecord.objects.create(rotation=rotation, person=owner, starts_at=now, recorded_at=now),
        "person": owner,
        "organization": factories.organization("acme"),
        "system": system,
        "calendar": factories.calendar(),
        "token": ApiToken.objects.get(),
        "entry": AuditEntry.objects.first(),
        "seal": AuditSeal.objects.create(
            number=1, at=now, from_xid=0, to_xid=1, entry_ids=[], digests=b"", previous="", mac="m"
        ),
        "job": Job.objects.create(kind="k", key="k", state="parked", created_at=now),
        "deputy": Deputy.objects.create(role=Role.CEO, person=owner, starts_at=now, ends_at=now + timedelta(days=1)),
        "approval": request_approval(incident, "test", roles=[Role.CEO], at=now),
        "attempt": AccessAttempt.objects.create(
            username="x", ip_address="10.0.0.1", attempt_time=now, failures_since_start=1
        ),
        "incident": incident,
        "mitigation": Mitigation.objects.create(incident=incident, text="t", applied_at=now),
        "deployment": plan_deployment(system, version="v2", previous_version="v1", actor=None, at=now),
        "run": Run.objects.filter(incident=None).first(),
        "backup_policy": BackupPolicy.objects.create(system=system, key="db", name="Database", every="P1D", place="S3"),
        "fallback": Fallback.objects.first(),
        "action_item": ActionItem.objects.create(incident=incident, text="t", owner=owner, due_on=now.date()),
        "backup_run": BackupRun.objects.create(started_at=now, finished_at=now, place="p", result=BackupResult.DONE),
        "backup_verification": BackupVerification.objects.create(
            started_at=now, finished_at=now, place="p", state=VerificationState.VERIFIED
        ),
        "file": store(incident, BytesIO(PDF), name="x.pdf", actor=None, at=now),
        "severity": Severity.objects.first(),
        "release_window": ReleaseWindow.objects.first(),
        "on_call_role": OnCallRole.objects.first(),
        "procedure": Procedure.objects.first(),
        "template": MessageTemplate.objects.first(),
        "page": Page.objects.first(),
        "contact_method": ContactMethod.objects.create(
            person=owner, channel="email", scheme="mailto", sealed=b"x", masked="x", added_at=now
        ),
        "mute": Mute.objects.create(
            system=system,
            of="alert",
            value="x",
            severity=Severity.objects.filter(system=system)[0],
            reason="r",
            starts_at=now,
            ends_at=now + timedelta(hours=1),
        ),
        **assessing(system, incident, owner, now),
        "affected": Affected.objects.create(incident=incident, organization=factories.organization("acme"), since=now),
        "customer": factories.organization("acme"),
        "contact": CustomerContact.objects.create(
            organization=factories.organization("acme"), name="C", email="c@acme.example"
        ),
        "window": MaintenanceWindow.objects.create(
            system=system, title="t", starts_at=now + timedelta(days=9), ends_at=now + timedelta(days=9, hours=1)
        ),
        "maintenance_rule": MaintenanceRule.objects.create(
            system=system,
            key="k",
            title="t",
            recurrence="FREQ=MONTHLY;BYDAY=1SU",
            at="02:00",
            begins=now.date(),
            duration="PT2H",
        ),
        "role_holder": RoleHolder.objects.create(system=system, role="technical incident lead", person=owner),
        "command": CommandReference.objects.create(system=system, key="c", purpose="p", command="true"),
        "feature": FeatureSwitch.objects.create(system=system, key="f", name="n", description="d"),
        "limit": CapacityLimit.objects.create(system=system, key="l", name="n", unit="GB", limit=10),
    }
    return World({name: row for name, row in rows.items() if row is not None})


def assessing(system: System, incident: Incident, owner: User, now: datetime) -> dict[str, models.Model | None]:
    """Rows of the rooms about assessments."""
    assessed = makers.assessment(now, system=system)
    own = {"assessment": assessed, "organization": assessed.organization}
    day = timedelta(days=1)
    return {
        "assessment": assessed,
        "scoring_version": ScoringVersion.objects.first(),
        "employer_switch": EmployerSwitch.objects.create(
            organization=factories.organization("hidden"), reason="r", hidden_at=now
        ),
        "hiring_decision": HiringDecision.objects.create(
            **own, decision="reject", reasons=["skills"], door="api", decided_at=now
        ),
        "refused_attempt": RefusedAttempt.objects.create(
            **own, reasons=["authenticity"], why="authenticity_alone", door="api", at=now
        ),
        "proxy_finding": ProxyFinding.objects.create(
            organization=assessed.organization,
            system=system,
            seen=30,
            seen_rejected=30,
            unseen=40,
            unseen_rejected=12,
            incident=incident,
            letter="l",
            found_at=now,
        ),
        "ai_system": AiSystem.objects.first(),
        "authority": ReviewerAuthority.objects.create(
            person=owner, competence="c", authority="a", starts_at=now, ends_at=now + day
        ),
        "serious_incident": SeriousIncident.objects.create(
            system=system, gap="g", what="w", incident=incident, aware_at=now, report_due_at=now + day
        ),
    }


def client_of(role: str) -> Client:
    client = Client(raise_request_exception=True)
    if role == ANONYMOUS:
        return client
    place = factories.organization("acme") if role in {ORG_ADMIN, MEMBER} else None
    client.force_login(factories.person(Role(role), organization=place))
    return client


def is_let_in(response: HttpResponse, expected: int | None) -> bool:
    """Whether an answer is the page itself (or what the row says), not a refusal or the way to the sign-in."""
    if expected is not None:
        return response.status_code == expected
    if response.status_code in {301, 302}:
        return "/login" not in response.headers["Location"]
    return response.status_code in {200, 409, 410, 503}


def named_addresses() -> list[str]:
    return sorted(
        {name for name, _route in addresses(get_resolver("config.urls")) if name and not name.startswith(LIBRARIES)}
    )


class TestTable:
    def test_every_address_has_a_row(self) -> None:
        missing = []
        for name, route in addresses(get_resolver("config.urls")):
            if name.startswith(LIBRARIES) if name else route.endswith(UNNAMED) or route.startswith(UNNAMED):
                continue
            if not name or row_of(name) is None:
                missing.append(name or route)
        assert missing == [], "addresses without a row in tests/access_table.py"

    def test_no_row_speaks_of_an_address_that_is_gone(self) -> None:
        names = {name for name, _route in addresses(get_resolver("config.urls"))}
        assert {name for name in ADDRESSES if name not in names} == set()
        rows = {f"admin:{key}_{page}" for key, table in ADMIN.items() for page in (*PAGES, *table.acts)}
        assert rows - names == set()

    def test_rows_name_roles_that_exist(self) -> None:
        assert {role.value for role in Role} | {ANONYMOUS} == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
class TestAnswers:
    def test_a_role_opens_what_its_rows_say_and_nothing_else(self, world: World, role: str) -> None:
        client, wrong = client_of(role), []
        for name in named_addresses():
            row = row_of(name)
            arguments = world.arguments(row) if row else None
            if row is None or arguments is None:
                continue
            response = _tried(partial(client.get, reverse(name, args=arguments)))
            if is_let_in(response, row.status) != (role in row.get):
                wrong.append(
                    f"{name}: {response.status_code}, the table says {'open' if role in row.get else 'closed'}"
                )
        assert wrong == []

    def test_a_role_changes_what_its_rows_say_and_nothing_else(self, world: World, role: str) -> None:
        client, wrong = client_of(role), []
        for name in named_addresses():
            row = row_of(name)
            arguments = world.arguments(row) if row else None
            if row is None or row.post is None or arguments is None:
                continue
            response = _tried(partial(client.post, reverse(name, args=arguments), {}))
            if is_let_in(response, row.status) != (role in row.post):
                wrong.append(
                    f"{name}: {response.status_code}, the table says {'heard' if role in row.post else 'refused'}"
                )
        assert wrong == []


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            name
            for name, route in addresses(get_resolver("config.urls"))
            if name.startswith(LIBRARIES) and "<" not in route and "(" not in route
        }
    ),
)
def test_pages_of_the_sign_in_library_do_not_break(world: World, name: str) -> None:
    assert Client().get(reverse(name)).status_code < 500


def test_the_world_has_a_row_for_nearly_every_table(world: World) -> None:
    assert {table.row for table in ADMIN.values() if table.row} - world.rows.keys() <= {"release_window", "page"}
    assert AnonymousUser().is_staff is False


def _tried(send: Any) -> HttpResponse:
    """Send a request and take back whatever it did."""
    with transaction.atomic():
        response: HttpResponse = send()
        if hasattr(response, "streaming_content"):
            list(response.streaming_content)
        transaction.set_rollback(True)
    return response
