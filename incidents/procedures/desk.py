"""The procedures of an incident: begin one, work its steps. The same posts serve every page that shows a run."""

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from config.casework import clock
from config.casework.content import UploadRefused
from config.casework.desk.base import acting_user
from config.casework.transitions import Refused
from incidents.models import Incident
from incidents.procedures import services
from incidents.procedures.choices import ProcedureKind, RunState
from incidents.procedures.drawing import DRAWN_WITH, drawn_run
from incidents.procedures.models import Procedure, Run, RunStep

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin

NOT_BY_HAND = (ProcedureKind.CHECKLIST, ProcedureKind.DEPLOYMENT, ProcedureKind.ROLLBACK)


def tab(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """The runs of an incident, the newest first, and the procedures that may be begun."""
    user = acting_user(request)
    may_work = user.has_perm(services.CHANGE)
    rows = incident.runs.select_related("procedure", "assigned_to").prefetch_related(*DRAWN_WITH)
    runs = list(rows.order_by("-started_at", "-pk"))
    under_way = {run.procedure_id for run in runs if run.state == RunState.ACTIVE}
    offered = (
        Procedure.objects.filter(system=incident.system, is_active=True)
        .exclude(pk__in=under_way)
        .exclude(kind__in=NOT_BY_HAND, extra__cadence__in=["daily", "weekly", "monthly", "shift_end", "once"])
        .exclude(kind__in=(ProcedureKind.DEPLOYMENT, ProcedureKind.ROLLBACK))
    )
    return {
        "runs": [drawn_run(run, user) for run in runs],
        "procedures": offered.order_by("title") if may_work else [],
        "start_url": reverse(admin.url_name("run_start"), args=[incident.pk]),
    }


def urls(admin: "CaseAdmin") -> list[Any]:
    """The post of the tab."""

    def start(request: HttpRequest, object_id: int) -> HttpResponse:
        return _start(admin, request, admin.visible_case(request, object_id))

    name = admin.url_name("run_start").removeprefix("admin:")
    return [path("<int:object_id>/run/start/", admin.admin_site.admin_view(require_POST(start)), name=name)]


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


def work_step(request: HttpRequest, step: RunStep) -> HttpResponse:
    """Take the act that was posted on a step, say why not, and go back to the page that shows the run."""
    try:
        said = _act(request, step)
        if said:
            messages.success(request, said)
    except (Refused, UploadRefused) as refusal:
        messages.error(request, str(refusal))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    step.run.refresh_from_db(fields=["state"])
    return HttpResponseRedirect(f"{page_of(step.run)}#step-{step.run_id}-{step.position}")


def page_of(run: Run) -> str:
    """The page a run is worked on: its incident's, its deployment's, or its own."""
    if run.incident_id is not None:
        return f"{reverse('admin:incidents_incident_change', args=[run.incident_id])}?tab=playbook"
    if run.deployment_id is not None:
        return f"{reverse('admin:incidents_deployment_change', args=[run.deployment_id])}?tab=steps"
    if run.extra.get("gate"):
        return reverse("admin:incidents_run_readiness")
    return reverse("admin:incidents_run_change", args=[run.pk])


def _act(request: HttpRequest, step: RunStep) -> str:
    actor, now, posted = acting_user(request), clock.now(), request.POST
    given: dict[str, Any] = {
        "note": posted.get("note", ""),
        "evidence": posted.get("evidence", ""),
        "file": _uploaded(request),
    }
    match posted.get("act", "tick" if posted.get("answer") else ""):
        case "tick":
            end = _moment(posted.get("expires_at", ""))
            services.tick(step, actor=actor, at=now, answer=posted.get("answer", ""), expires_at=end, **given)
        case "fail":
            services.tick(step, actor=actor, at=now, failed=True, **given)
        case "skip":
            services.skip(step, actor=actor, at=now, reason=posted.get("reason", ""))
        case "note":
            services.annotate(step, actor=actor, at=now, note=given["note"])
        case "renew":
            services.renew(step, actor=actor, at=now, **given)
        case "do":
            return services.perform(step, actor=actor, at=now)
        case _:
            raise Refused(_("Press one of the buttons."))
    return ""


def _uploaded(request: HttpRequest) -> services.Evidence | None:
    upload: Any = request.FILES.get("file")
    return services.Evidence(upload, upload.name or "") if upload else None


def _moment(text: str) -> Any:
    """The moment typed into a native field, in the person's zone; None when it is empty.

    Raises:
        ValidationError: it is no moment.
    """
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise ValidationError({"expires_at": _("Write day and time, such as 2026-03-09T14:00.")})
    return make_aware(found) if is_naive(found) else found
