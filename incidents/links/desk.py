"""The tab "Related": duplicates, linked incidents, past ones that look alike, recent deployments."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from config.casework import clock
from config.casework.desk.acts import act_page
from config.casework.desk.base import LabelledChoiceField, acting_user
from config.casework.desk.cases import REFERENCE
from config.casework.desk.forms import ActForm
from incidents.choices import OPEN_STATES, IncidentState
from incidents.links import selectors, services
from incidents.links.models import Link
from incidents.models import Incident

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin

TRIAGE = "incidents/triage.html"


def tab(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """Everything beside the incident; asked for when the tab is opened."""
    user = acting_user(request)
    may_work = user.has_perm(services.CHANGE)
    merge = incident.merges.filter(split_at=None).select_related("merged_by").first()
    return {
        "merge": merge,
        "survivor": _row(admin, incident.duplicate_of) if incident.duplicate_of else None,
        "duplicates": [
            _row(admin, row)
            for row in Incident.objects.visible_to(user)
            .filter(duplicate_of=incident)
            .select_related("severity")
            .order_by("received_at", "pk")
        ],
        "links": [
            _row(admin, other)
            | {"note": pair.note, "unlink_url": reverse(admin.url_name("unlink"), args=[incident.pk, pair.pk])}
            for pair, other in selectors.linked(incident, user)
        ],
        "changes": selectors.recent_changes(incident),
        "past": past(admin, request, incident),
        "recurrence_of": _row(admin, incident.recurrence_of) if incident.recurrence_of else None,
        "link_url": reverse(admin.url_name("link"), args=[incident.pk]) if may_work else "",
        "merge_url": reverse(admin.url_name("merge"), args=[incident.pk])
        if may_work and incident.duplicate_of_id is None and incident.state in OPEN_STATES
        else "",
        "split_url": reverse(admin.url_name("split"), args=[incident.pk]) if may_work and merge else "",
        "may_work": may_work,
    }


def past(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> list[dict[str, Any]]:
    """Past incidents that look alike, as the pages draw them."""
    return [
        _row(admin, found.incident) | {"ended": found.ended, "same_system": found.same_system}
        for found in selectors.similar(incident, acting_user(request))
    ]


def while_triaging(admin: "CaseAdmin", request: HttpRequest, incident: Incident, tab: str) -> dict[str, Any]:
    """Nobody has judged it yet: what looked like it before stands on the first page, and on no other."""
    if incident.state != IncidentState.DETECTED or tab != "overview":
        return {}
    return {"beside_template": TRIAGE, "past": past(admin, request, incident)}


def banner(incident: Incident) -> str:
    """The sentence across the page of a duplicate."""
    if incident.duplicate_of is None:
        return ""
    return _("It is a duplicate of %(reference)s, which is worked instead. Its own clocks stand still.") % {
        "reference": incident.duplicate_of.reference
    }


def urls(admin: "CaseAdmin") -> list[Any]:
    def link(request: HttpRequest, object_id: int) -> HttpResponse:
        return _link(admin, request, admin.visible_case(request, object_id))

    def unlink(request: HttpRequest, object_id: int, link_id: int) -> HttpResponse:
        return _unlink(admin, request, admin.visible_case(request, object_id), link_id)

    def merge(request: HttpRequest, object_id: int) -> HttpResponse:
        return _merge(admin, request, admin.visible_case(request, object_id))

    def split(request: HttpRequest, object_id: int) -> HttpResponse:
        return _split(admin, request, admin.visible_case(request, object_id))

    name = admin.url_name("{}").removeprefix("admin:")
    view = admin.admin_site.admin_view
    return [
        path("<int:object_id>/link/", view(link), name=name.format("link")),
        path("<int:object_id>/link/<int:link_id>/remove/", view(require_POST(unlink)), name=name.format("unlink")),
        path("<int:object_id>/merge/", view(merge), name=name.format("merge")),
        path("<int:object_id>/split/", view(split), name=name.format("split")),
    ]


class LinkForm(ActForm):
    reference = forms.CharField(
        label=gettext_lazy("Reference"), max_length=20, help_text=gettext_lazy("Such as INC-2026-000012.")
    )
    note = forms.CharField(label=gettext_lazy("How they belong together"), max_length=200, required=False)


class SplitForm(ActForm):
    """A bare confirmation."""


def _link(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    user = _worker(request)

    def perform(form: ActForm) -> str:
        reference = form.cleaned_data["reference"].strip().upper()
        other = (
            Incident.objects.visible_to(user).filter(reference=reference).first()
            if REFERENCE.match(reference)
            else None
        )
        if other is None:
            raise forms.ValidationError({"reference": _("There is no such incident.")})
        services.link(incident, other, actor=user, at=clock.now(), note=form.cleaned_data["note"])
        return _("%(one)s and %(two)s are linked.") % {"one": incident, "two": other}

    return act_page(
        admin,
        request,
        LinkForm,
        perform,
        title=_("Link with another incident"),
        submit_label=_("Link them"),
        back=admin.page_url(incident, "related"),
        consequence=_("The link shows on both. Nothing else changes."),
        original=incident,
    )


def _unlink(admin: "CaseAdmin", request: HttpRequest, incident: Incident, link_id: int) -> HttpResponse:
    pair = Link.objects.filter(pk=link_id).select_related("incident", "other").first()
    if pair is not None:
        if incident.pk not in (pair.incident_id, pair.other_id):
            raise Http404("no such link")
        services.unlink(pair, actor=acting_user(request), at=clock.now())
    return HttpResponseRedirect(admin.page_url(incident, "related"))


def _merge(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    user = _worker(request)

    class MergeForm(ActForm):
        into = LabelledChoiceField(
            label=_("Into"),
            queryset=selectors.mergeable_into(incident, user),
            help_text=_("An open incident of the same system. The one with the graver severity stays."),
        )
        reason = forms.CharField(label=_("Why they are the same"), max_length=300)

    def perform(form: ActForm) -> str:
        into = form.cleaned_data["into"]
        services.merge(incident, into, actor=user, at=clock.now(), reason=form.cleaned_data["reason"])
        return _("%(one)s is a duplicate of %(two)s now.") % {"one": incident, "two": into}

    return act_page(
        admin,
        request,
        MergeForm,
        perform,
        title=_("Merge into another incident"),
        submit_label=_("Merge"),
        back=admin.page_url(incident, "related"),
        consequence=_(
            "Its clocks and pages stop; alerts and notes count in the other one, with which it is resolved and closed. "
            "It can be split off again."
        ),
        tone="warn",
        original=incident,
    )


def _split(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    user = _worker(request)
    if incident.duplicate_of is None:
        raise Http404("it is no duplicate")

    def perform(form: ActForm) -> str:
        services.split(incident, actor=user, at=clock.now())
        return _("%(one)s is an incident of its own again.") % {"one": incident}

    return act_page(
        admin,
        request,
        SplitForm,
        perform,
        title=_("Split off again"),
        submit_label=_("Split off"),
        back=admin.page_url(incident, "related"),
        consequence=_("Its clocks run on from where they stopped. If nobody has it, whoever is on call is paged."),
        tone="warn",
        original=incident,
    )


def _worker(request: HttpRequest) -> Any:
    user = acting_user(request)
    if not user.has_perm(services.CHANGE):
        raise PermissionDenied(f"{user} may not work incidents.")
    return user


def _row(admin: "CaseAdmin", incident: Incident) -> dict[str, Any]:
    return {
        "incident": incident,
        "url": admin.page_url(incident),
        "state": IncidentState(incident.state),
        "severity": admin.severity(incident),
    }
