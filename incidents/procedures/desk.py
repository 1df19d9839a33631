"""The playbook tab: begin a procedure, tick and skip its steps."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from config.casework import clock
from config.casework.desk.base import acting_user
from config.casework.desk.display import person_name
from config.casework.transitions import Refused
from incidents.communications.choices import Audience
from incidents.models import Incident
from incidents.procedures import services
from incidents.procedures.choices import ProcedureKind, RunState, StepKind, StepState
from incidents.procedures.models import Procedure, Run, RunStep

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin


def tab(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """The runs of an incident, the newest first, and the procedures that may be begun."""
    may_work = acting_user(request).has_perm(services.CHANGE)
    runs = list(incident.runs.prefetch_related("steps__done_by").order_by("-started_at", "-pk"))
    under_way = {run.procedure_id for run in runs if run.state == RunState.ACTIVE}
    offered = (
        Procedure.objects.filter(system=incident.system, is_active=True)
        .exclude(pk__in=under_way)
        .exclude(kind=ProcedureKind.CHECKLIST)
    )
    return {
        "runs": [_drawn(admin, incident, run, may_work) for run in runs],
        "procedures": offered.order_by("title") if may_work else [],
        "start_url": reverse(admin.url_name("run_start"), args=[incident.pk]),
    }


def urls(admin: "CaseAdmin") -> list[Any]:
    """The two posts of the tab."""

    def start(request: HttpRequest, object_id: int) -> HttpResponse:
        return _start(admin, request, admin.visible_case(request, object_id))

    def act(request: HttpRequest, object_id: int, step_id: int) -> HttpResponse:
        return _act(admin, request, admin.visible_case(request, object_id), step_id)

    name = admin.url_name("{}").removeprefix("admin:")
    view = admin.admin_site.admin_view
    return [
        path("<int:object_id>/run/start/", view(require_POST(start)), name=name.format("run_start")),
        path("<int:object_id>/run/step/<int:step_id>/", view(require_POST(act)), name=name.format("run_step")),
    ]


def _start(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    chosen = request.POST.get("procedure", "")
    procedure = Procedure.objects.filter(pk=int(chosen), is_active=True).first() if chosen.isdecimal() else None
    if procedure is None:
        messages.error(request, _("Choose a procedure."))
    else:
        try:
            services.start_run(procedure, actor=acting_user(request), at=clock.now(), incident=incident)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
    return HttpResponseRedirect(admin.page_url(incident, "playbook"))


def _act(admin: "CaseAdmin", request: HttpRequest, incident: Incident, step_id: int) -> HttpResponse:
    step = RunStep.objects.select_related("run__incident").filter(pk=step_id, run__incident=incident).first()
    if step is None:
        raise Http404("no such step")
    actor, now, act = acting_user(request), clock.now(), request.POST.get("act", "")
    try:
        if act == "tick":
            services.tick(step, actor=actor, at=now)
        elif act == "skip":
            services.skip(step, actor=actor, at=now, reason=request.POST.get("reason", ""))
        elif act == "note":
            services.annotate(step, actor=actor, at=now, note=request.POST.get("note", ""))
        else:
            messages.error(request, _("Press one of the buttons."))
    except Refused as refusal:
        messages.error(request, str(refusal))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return HttpResponseRedirect(f"{admin.page_url(incident, 'playbook')}#step-{step.run_id}-{step.position}")


def _drawn(admin: "CaseAdmin", incident: Incident, run: Run, may_work: bool) -> dict[str, Any]:
    steps = [step for step in run.steps.all() if step.kind != StepKind.POLICY]
    return {
        "run": run,
        "state": RunState(run.state),
        "rules": [step.text for step in run.steps.all() if step.kind == StepKind.POLICY],
        "done_count": sum(step.state != StepState.OPEN for step in steps),
        "read_only": run.state != RunState.ACTIVE or not may_work,
        "steps": [_drawn_step(admin, incident, step) for step in steps],
    }


def _drawn_step(admin: "CaseAdmin", incident: Incident, step: RunStep) -> dict[str, Any]:
    hints = [_("needs the word of the %(role)s") % {"role": step.get_approval_display()}] if step.approval else []
    if step.expires:
        hints.append(_("record it as a measure with an end"))
    return {
        "number": step.position,
        "anchor": f"step-{step.run_id}-{step.position}",
        "title": step.text,
        "kind": ", ".join([str(StepKind(step.kind).label), *hints]),
        "text": step.setting,
        "command": step.command,
        "state": step.state,
        "url": reverse(admin.url_name("run_step"), args=[incident.pk, step.pk]),
        "actor": person_name(step.done_by) if step.done_by else "",
        "at": step.done_at,
        "note": step.note,
        "skip_reason": step.skip_reason,
        "compose_url": _compose_url(admin, incident, step),
    }


def _compose_url(admin: "CaseAdmin", incident: Incident, step: RunStep) -> str:
    """Where the message of a step is written; empty for texts of other desks."""
    if step.kind != StepKind.MESSAGE or (not step.template and step.audience not in Audience.values):
        return ""
    chosen = f"template={step.template}" if step.template else f"step={step.pk}"
    return f"{reverse(admin.url_name('compose'), args=[incident.pk])}?{chosen}"
