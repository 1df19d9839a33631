"""What is to do today, what was missed, what stands ready, and when a procedure was last proven."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from config.casework.access.models import User
from incidents.deployments.selectors import recent_deployments
from incidents.procedures.choices import ProcedureKind, RunState, StepKind, StepState
from incidents.procedures.models import Procedure, Run, RunStep

__all__ = [
    "boards", "fits", "missed_runs", "most_skipped", "proven", "recent_deployments", "todays_runs", "with_progress",
]  # fmt: skip

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
MISSED_FOR = timedelta(days=14)  # how long a missed list stays in sight


def with_progress(runs: QuerySet[Run]) -> QuerySet[Run]:
    """The runs with how many of their steps there are and how many are settled."""
    steps = ~Q(steps__kind=StepKind.POLICY)
    settled = steps & ~Q(steps__state=StepState.OPEN)
    return runs.annotate(step_count=Count("steps", filter=steps), settled_count=Count("steps", filter=settled))


def _scheduled(user: User) -> QuerySet[Run]:
    rows: QuerySet[Run] = Run.objects.visible_to(user).active().scheduled()
    return rows.select_related("procedure__system", "assigned_to")


def todays_runs(user: User, at: datetime, *, everybody: bool = False) -> QuerySet[Run]:
    """Lists that are due and not missed, the next to be missed first: the person's own and those that nobody has.

    Args:
        everybody: also those of other people.
    """
    rows = with_progress(_scheduled(user).filter(missed_at=None).filter(Q(due_at=None) | Q(due_at__gt=at)))
    if not everybody:
        rows = rows.filter(Q(assigned_to=user) | Q(assigned_to=None))
    return rows.order_by(F("due_at").asc(nulls_last=True), "pk")


def missed_runs(user: User, at: datetime) -> QuerySet[Run]:
    """Lists whose time ended unfinished within the last two weeks, the newest first; anybody may still finish them."""
    rows = _scheduled(user).filter(due_at__lte=at, due_at__gt=at - MISSED_FOR)
    return with_progress(rows).order_by("-due_at", "-pk")


def boards(user: User) -> list[Run]:
    """The newest run of each list that guards a gate beside deployments, such as pilot readiness (INC-66)."""
    newest = (
        Run.objects.filter(procedure=OuterRef("pk"))
        .exclude(state=RunState.ABANDONED)
        .order_by("-started_at", "-pk")
        .values("pk")[:1]
    )
    lists = Procedure.objects.filter(is_active=True, kind=ProcedureKind.CHECKLIST, extra__has_key="gate").annotate(
        newest=Subquery(newest)
    )
    rows = Run.objects.visible_to(user).filter(pk__in=[row.newest for row in lists if row.newest is not None])
    return list(
        rows.select_related("procedure__system", "gate_opened_by")
        .prefetch_related("steps__done_by", "steps__evidence_file")
        .order_by("procedure__system__name", "pk")
    )


@dataclass(frozen=True)
class Proof:
    """When a procedure was last carried through.

    Attributes:
        met: whether its recovery objective was kept then; None when it has none.
    """

    procedure: Procedure
    run: Run | None
    times: int
    met: bool | None


def proven(user: User) -> list[Proof]:
    """Every procedure in use with its last run that was carried through; those never proven first."""
    finished = Run.objects.visible_to(user).filter(procedure=OuterRef("pk"), state=RunState.FINISHED)
    rows = (
        Procedure.objects.filter(is_active=True)
        .select_related("system")
        .annotate(last_run=Subquery(finished.order_by("-finished_at", "-pk").values("pk")[:1]))
        .annotate(times=Coalesce(Subquery(finished.order_by().values("procedure").annotate(n=Count("pk")).values("n")), 0))
        .order_by("system__name", "title")
    )  # fmt: skip
    found = list(rows)
    runs: dict[int, Run] = {
        run.pk: run
        for run in Run.objects.filter(pk__in=[row.last_run for row in found if row.last_run]).select_related(
            "started_by", "incident", "deployment"
        )
    }
    proofs = [Proof(row, runs.get(row.last_run), row.times, _met(runs.get(row.last_run))) for row in found]
    return sorted(proofs, key=lambda proof: (proof.run.finished_at if proof.run else None) or NEVER)


def _met(run: Run | None) -> bool | None:
    if run is None or run.finished_at is None or not run.objectives or run.due_at is None:
        return None
    return run.finished_at <= run.due_at


def most_skipped(user: User, *, since: datetime) -> list[dict[str, Any]]:
    """Steps that people skip, the most skipped first: list, step, how often settled and skipped, when last.

    Args:
        since: aware; only what was settled after it counts.
    """
    rows = RunStep.objects.visible_to(user).filter(done_at__gte=since, state__in=(StepState.DONE, StepState.SKIPPED))
    skipped = Q(state=StepState.SKIPPED)
    found: Any = (
        rows.values("run__procedure__system__name", "run__procedure__title", "text")
        .annotate(
            settled=Count("pk"), skipped=Count("pk", filter=skipped), last_skipped_at=Max("done_at", filter=skipped)
        )
        .filter(skipped__gt=0)
        .order_by("-skipped", "run__procedure__title", "text")[:200]
    )
    return list(found)


def fits(procedure: Procedure) -> bool:
    """Whether people begin it by hand: parts of deployments begin with theirs."""
    return procedure.kind not in {ProcedureKind.DEPLOYMENT, ProcedureKind.ROLLBACK}
