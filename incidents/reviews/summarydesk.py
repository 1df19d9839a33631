"""The pages of the summary for outside, and the postmortem as a file."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from config.casework import clock
from config.casework.desk.acts import act_page
from config.casework.desk.base import acting_user
from config.casework.desk.display import person_name
from config.casework.desk.forms import ActForm
from config.casework.transitions import Refused, apply
from incidents.models import Incident
from incidents.reviews.choices import SummaryState
from incidents.reviews.documents import markdown
from incidents.reviews.models import Postmortem
from incidents.reviews.summaries import summary_of, write_summary
from incidents.reviews.transitions import SUMMARY

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin

CHANGE = "incidents.change_reviewsummary"


class SummaryForm(ActForm):
    text = forms.CharField(
        label=gettext_lazy("Summary for people outside"),
        help_text=gettext_lazy(
            "What happened to them, since when, what we did, and what we change. No names, no providers."
        ),
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 8}),
    )


def tab(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """What the review tab shows of the summary."""
    user, summary = acting_user(request), summary_of(incident)
    return {
        "summary": summary,
        "summary_state": SummaryState(summary.state) if summary else None,
        "summary_author": person_name(summary.written_by) if summary else "",
        "summary_url": reverse(admin.url_name("summary"), args=[incident.pk]) if user.has_perm(CHANGE) else "",
        "summary_steps": [
            (step, reverse(admin.url_name("summary_step"), args=[incident.pk, name]))
            for name, step in SUMMARY.available(summary, user)
        ]
        if summary
        else [],
    }


def urls(admin: "CaseAdmin") -> list[Any]:
    def write(request: HttpRequest, object_id: int) -> HttpResponse:
        return _write(admin, request, admin.visible_case(request, object_id))

    def step(request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        return _step(admin, request, admin.visible_case(request, object_id), name)

    def document(request: HttpRequest, object_id: int) -> HttpResponse:
        return _document(admin, request, admin.visible_case(request, object_id))

    name = admin.url_name("{}").removeprefix("admin:")
    view = admin.admin_site.admin_view
    return [
        path("<int:object_id>/summary/", view(write), name=name.format("summary")),
        path("<int:object_id>/summary/step/<slug:name>/", view(require_POST(step)), name=name.format("summary_step")),
        path("<int:object_id>/postmortem/document/", view(require_GET(document)), name=name.format("document")),
    ]


def _write(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    user = acting_user(request)
    if not user.has_perm(CHANGE):
        raise PermissionDenied(f"{user} may not write on {incident}.")
    summary = summary_of(incident)

    def perform(form: ActForm) -> str:
        write_summary(incident, actor=user, at=clock.now(), text=form.cleaned_data["text"])
        return _("The summary is kept. Somebody else approves it.")

    return act_page(
        admin,
        request,
        SummaryForm,
        perform,
        title=_("Summary for people outside"),
        submit_label=_("Keep it"),
        back=admin.page_url(incident, "review"),
        initial={"text": summary.text if summary else ""},
        consequence=_("It stands apart from the postmortem. Only an approved text may be told outside."),
        original=incident,
    )


def _step(admin: "CaseAdmin", request: HttpRequest, incident: Incident, name: str) -> HttpResponse:
    summary = summary_of(incident)
    if summary is None or name not in SUMMARY.transitions:
        raise Http404("no such step")
    try:
        apply(summary, name, actor=acting_user(request), at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(admin.page_url(incident, "review"))


def _document(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    if not acting_user(request).has_perm("incidents.view_postmortem"):
        raise PermissionDenied("postmortems are not for this role")
    postmortem = (
        Postmortem.objects.filter(incident=incident).select_related("incident__system", "incident__severity").first()
    )
    if postmortem is None:
        raise Http404("no postmortem was begun")
    return HttpResponse(
        markdown(postmortem),
        content_type="text/markdown; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{incident.reference}.md"'},
    )
