"""Pages beside the cases: a run of its own, today's lists, the readiness board, what was proven and skipped."""

import csv
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.desk.acts import act_page
from config.casework.desk.base import acting_user
from config.casework.desk.exchange import guarded
from config.casework.desk.forms import ActForm, MomentInput
from config.casework.transitions import Refused
from config.casework.words import duration_words
from incidents.continuity.selectors import late_backups
from incidents.procedures import selectors, services
from incidents.procedures.breach import REPORT, report_breach
from incidents.procedures.choices import ProcedureKind, RunState
from incidents.procedures.desk import work_step
from incidents.procedures.drawing import DRAWN_WITH, drawn_run, kind_words, renewable, run_clock
from incidents.procedures.models import Procedure, Run, RunStep

if TYPE_CHECKING:
    from config.casework.desk.base import DeskAdmin

REPORT_DAYS = 90


class ProcedureField(forms.ModelChoiceField[Procedure]):
    def label_from_instance(self, obj: Procedure) -> str:
        return f"{obj.system.name}: {obj.title}"


class StartForm(ActForm):
    procedure = ProcedureField(label=gettext_lazy("Procedure"), queryset=Procedure.objects.none())
    backup_at = forms.DateTimeField(
        label=gettext_lazy("Newest backup"),
        help_text=gettext_lazy("For recovery and drills: its age is what would be lost. Your own time."),
        required=False,
        widget=MomentInput,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Procedure.objects.filter(is_active=True).select_related("system")
        rows = rows.exclude(kind__in=(ProcedureKind.DEPLOYMENT, ProcedureKind.ROLLBACK, ProcedureKind.BREACH))
        cast("ProcedureField", self.fields["procedure"]).queryset = rows.order_by("system__name", "title")


class BreachForm(ActForm):
    procedure = ProcedureField(label=gettext_lazy("Where"), queryset=Procedure.objects.none())
    title = forms.CharField(label=gettext_lazy("What is suspected, in one line"), max_length=200)
    description = forms.CharField(
        label=gettext_lazy("What is seen"), required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 4})
    )
    personal_data = forms.BooleanField(
        label=gettext_lazy("Personal data are affected. The 72 hours to the report to the authority start now."),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Procedure.objects.filter(is_active=True, kind=ProcedureKind.BREACH).select_related("system")
        cast("ProcedureField", self.fields["procedure"]).queryset = rows.order_by("system__name")


class LetGoForm(ActForm):
    reason = forms.CharField(
        label=gettext_lazy("Why it is not finished"), max_length=300, widget=forms.Textarea(attrs={"rows": 3})
    )


def today(admin: "DeskAdmin", request: HttpRequest) -> HttpResponse:
    """What falls to this person today, and what was missed."""
    user, now = acting_user(request), clock.now()
    everybody = request.GET.get("whose") == "all"
    context = {
        "title": _("Today's lists"),
        "everybody": everybody,
        "due": [_line(run, now) for run in selectors.todays_runs(user, now, everybody=everybody)],
        "missed": [_line(run, now) for run in selectors.missed_runs(user, now)],
        "backups": [
            {
                "policy": policy,
                "url": reverse("admin:incidents_backuppolicy_change", args=[policy.pk]),
                "late": duration_words(late),
            }
            for policy, late in late_backups(now)
        ],
        "start_url": reverse("admin:incidents_run_start") if user.has_perm(services.CHANGE) else "",
        "breach_url": reverse("admin:incidents_run_breach") if user.has_perm(REPORT) else "",
    }
    return _page(admin, request, "incidents/today.html", context)


def _line(run: Any, now: Any) -> dict[str, Any]:
    settled, steps = run.settled_count, run.step_count
    return {
        "run": run,
        "url": reverse("admin:incidents_run_change", args=[run.pk]),
        "progress": _("%(settled)s of %(steps)s settled") % {"settled": settled, "steps": steps},
        "clock": run_clock(run, now),
    }


def one(admin: "DeskAdmin", request: HttpRequest, run: Run) -> HttpResponse:
    """The page of one run."""
    user = acting_user(request)
    run = Run.objects.select_related("procedure__system", "incident", "deployment", "assigned_to").prefetch_related(
        *DRAWN_WITH
    ).get(pk=run.pk)  # fmt: skip
    drawn = drawn_run(run, user)
    context = {
        "title": run.title,
        "original": run,
        "item": renewable(drawn, run, user) if run.extra.get("gate") else drawn,
        "kind": kind_words(run),
        "let_go_url": reverse("admin:incidents_run_let_go", args=[run.pk])
        if run.state == RunState.ACTIVE and not run.stage and user.has_perm(services.CHANGE)
        else "",
        "case": run.case_root,
        "case_url": _case_url(run),
    }
    return _page(admin, request, "incidents/run.html", context)


def _case_url(run: Run) -> str:
    if run.incident_id:
        return reverse("admin:incidents_incident_change", args=[run.incident_id])
    return reverse("admin:incidents_deployment_change", args=[run.deployment_id]) if run.deployment_id else ""


def step(admin: "DeskAdmin", request: HttpRequest, run: Run, step_id: int) -> HttpResponse:
    """One post on a step."""
    row = RunStep.objects.select_related("run__incident", "run__deployment").filter(pk=step_id, run=run).first()
    if row is None:
        raise Http404("no such step")
    return work_step(request, row)


def start(admin: "DeskAdmin", request: HttpRequest) -> HttpResponse:
    """Begin a list, a drill or a recovery that belongs to no case."""
    user = acting_user(request)
    if not user.has_perm(services.CHANGE):
        raise PermissionDenied("may not begin procedures")
    begun: list[Run] = []

    def perform(form: StartForm) -> str:
        occasion = services.Occasion(backup_at=form.cleaned_data["backup_at"])
        run = services.start_run(form.cleaned_data["procedure"], actor=user, at=clock.now(), occasion=occasion)
        begun.append(run)
        return _("Begun. Its steps are copied here, to be ticked.")

    return act_page(
        admin,
        request,
        StartForm,
        perform,
        title=_("Begin a procedure"),
        submit_label=_("Begin"),
        back=reverse("admin:incidents_run_today"),
        goes_to=lambda: reverse("admin:incidents_run_change", args=[begun[0].pk]),
        initial={"procedure": request.GET.get("procedure")},
        consequence=_("A run outside of an incident is a list, a drill or a recovery. Its times are kept."),
    )


def breach(admin: "DeskAdmin", request: HttpRequest) -> HttpResponse:
    """Report a suspected breach: few eyes, the gravest level, the ordered procedure (SEC-18)."""
    user = acting_user(request)
    if not user.has_perm(REPORT):
        raise PermissionDenied("may not report incidents")
    opened: list[Any] = []

    def perform(form: BreachForm) -> str:
        values = form.cleaned_data
        opened.append(report_breach(values.pop("procedure"), actor=user, at=clock.now(), **values))
        return _("%(reference)s is open. Preserve evidence before you change anything.") % {
            "reference": opened[0].reference
        }

    return act_page(
        admin,
        request,
        BreachForm,
        perform,
        title=_("Report a suspected breach"),
        submit_label=_("Open the case"),
        back=reverse("admin:incidents_run_today"),
        goes_to=lambda: f"{reverse('admin:incidents_incident_change', args=[opened[0].pk])}?tab=playbook",
        consequence=_("The person on call is paged. Only they, who speaks for us and you see the case."),
        tone="danger",
    )


def let_go(admin: "DeskAdmin", request: HttpRequest, run: Run) -> HttpResponse:
    """End a run that nobody will finish."""
    user = acting_user(request)
    if not user.has_perm(services.CHANGE):
        raise PermissionDenied("may not end runs")

    def perform(form: LetGoForm) -> str:
        services.let_go(run, actor=user, at=clock.now(), reason=form.cleaned_data["reason"])
        return _("It is let go. What was ticked stays.")

    back = reverse("admin:incidents_run_change", args=[run.pk])
    title = _("Let it go: %(title)s") % {"title": run.title}
    return act_page(admin, request, LetGoForm, perform, title=title, submit_label=_("Let it go"), back=back)


def readiness(admin: "DeskAdmin", request: HttpRequest) -> HttpResponse:
    """Lists that guard a gate: each item with its evidence and how long it counts (INC-66)."""
    user, now = acting_user(request), clock.now()
    boards = []
    for run in selectors.boards(user):
        missing = services.missing_for_gate(run, now)
        every = sum(1 for _row in run.steps.all())
        boards.append(
            {
                "item": renewable(drawn_run(run, user), run, user),
                "proven": every - len(missing),
                "every": every,
                "missing": missing,
                "gate": run.extra["gate"],
                "gate_url": reverse("admin:incidents_run_gate", args=[run.pk])
                if user.has_perm(services.OPEN_GATE) and run.gate_opened_at is None
                else "",
            }
        )
    return _page(admin, request, "incidents/readiness.html", {"title": _("Readiness"), "boards": boards})


def gate(admin: "DeskAdmin", request: HttpRequest, run: Run) -> HttpResponse:
    """Open a gate, by post alone."""
    try:
        services.open_gate(run, actor=acting_user(request), at=clock.now())
        messages.success(request, _("Open: %(gate)s.") % {"gate": run.extra.get("gate", "")})
    except Refused as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(reverse("admin:incidents_run_readiness"))


def report(admin: "DeskAdmin", request: HttpRequest) -> HttpResponse:
    """Which steps get skipped, and when each procedure was last proven; as a page or as CSV."""
    user, now = acting_user(request), clock.now()
    skipped = selectors.most_skipped(user, since=now - timedelta(days=REPORT_DAYS))
    proofs = selectors.proven(user)
    match request.GET.get("csv"):
        case "skipped":
            heads = ["system", "procedure", "step", "settled", "skipped", "last_skipped_at"]
            return _csv("skipped-steps.csv", heads, ([*row.values()] for row in skipped))
        case "proven":
            heads = ["system", "procedure", "kind", "times", "last_proven_at", "seconds", "objective_met"]
            return _csv("proven-procedures.csv", heads, (_proof_cells(proof) for proof in proofs))
    rows = [
        {
            "proof": proof,
            "url": reverse("admin:incidents_run_change", args=[proof.run.pk]) if proof.run else "",
            "kind": ProcedureKind(proof.procedure.kind),
            "took": duration_words(proof.run.finished_at - proof.run.started_at)
            if proof.run and proof.run.finished_at
            else "",
        }
        for proof in proofs
    ]
    context = {"title": _("Proven and skipped"), "skipped": skipped, "proofs": rows, "days": REPORT_DAYS}
    return _page(admin, request, "incidents/procedure_report.html", context)


def _proof_cells(proof: selectors.Proof) -> list[Any]:
    run = proof.run
    done = run is not None and run.finished_at is not None
    return [
        proof.procedure.system.name,
        proof.procedure.title,
        proof.procedure.kind,
        proof.times,
        run.finished_at if run and done else "",
        int((run.finished_at - run.started_at).total_seconds()) if run and run.finished_at else "",
        "" if proof.met is None else proof.met,
    ]


def _csv(name: str, heads: list[str], rows: Any) -> HttpResponse:
    response = HttpResponse(
        content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
    writer = csv.writer(response)
    writer.writerow(heads)
    for row in rows:
        writer.writerow([guarded(cell.isoformat() if hasattr(cell, "isoformat") else cell) for cell in row])
    return response


def _page(admin: "DeskAdmin", request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    frame = {**admin.admin_site.each_context(request), "opts": admin.opts}
    return TemplateResponse(request, template, {**frame, **context})
