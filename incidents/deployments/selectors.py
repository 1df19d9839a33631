"""What a deployment is made of, and which ones were recent."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from config.casework.catalogue.models import System
from incidents.deployments.choices import LIVE
from incidents.deployments.models import Deployment
from incidents.procedures.choices import ProcedureKind, RunState, Stage
from incidents.procedures.models import Procedure, Run

START_GATE = "deployment start"
WATCH_MINUTES = 30


def stage_of(procedure: Procedure) -> Stage:
    """Which part of a deployment a list is, by what the runbook says of it."""
    if procedure.kind == ProcedureKind.ROLLBACK:
        return Stage.ROLLBACK
    if procedure.extra.get("gate") == START_GATE:
        return Stage.PREREQUISITES
    return Stage.WATCH if procedure.extra.get("minimum_minutes") else Stage.STEPS


def procedures_for(system: System, stage: Stage) -> list[Procedure]:
    """The lists a system works through in one stage, in the order of its runbook."""
    kinds = (ProcedureKind.DEPLOYMENT, ProcedureKind.ROLLBACK)
    rows = Procedure.objects.filter(system=system, is_active=True, kind__in=kinds).order_by("pk")
    return [row for row in rows if stage_of(row) == stage]


def runs_of(deployment: Deployment, stage: Stage) -> list[Run]:
    """The runs of one stage that still count."""
    return list(deployment.runs.filter(stage=stage).exclude(state=RunState.ABANDONED).order_by("pk"))


def watched_until(deployment: Deployment) -> datetime | None:
    """When the watch may end; None while it has not begun, or when there is nothing to watch."""
    runs = runs_of(deployment, Stage.WATCH)
    if deployment.watching_at is None or not runs:
        return None
    minutes = max(run.extra.get("minimum_minutes", WATCH_MINUTES) for run in runs)
    return deployment.watching_at + timedelta(minutes=minutes)


def running_version(system: System) -> str:
    """The version that was deployed last and stayed; empty when none is known."""
    rows: QuerySet[Deployment] = Deployment.objects.filter(system=system).exclude(started_at=None)
    for row in rows.order_by("-started_at", "-pk")[:20]:
        if row.state in LIVE:
            return row.version_tag
        if row.rolled_back_at is not None:
            return row.previous_version
    return ""


def recent_deployments(system: System, before: datetime, within: timedelta) -> QuerySet[Deployment]:
    """Deployments of a system that were begun within a time before a moment, the newest first (INC-79)."""
    rows: QuerySet[Deployment] = Deployment.objects.filter(
        system=system, started_at__gt=before - within, started_at__lte=before
    )
    return rows.select_related("owner").order_by("-started_at", "-pk")
