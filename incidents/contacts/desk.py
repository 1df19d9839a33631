"""The contacts tab of an incident: what it is about, who comes next, whom to reach."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.services import require
from config.casework.desk.acts import act_page
from config.casework.desk.base import acting_user
from config.casework.desk.display import person_name
from config.casework.desk.forms import ActForm
from incidents.choices import UNRESOLVED
from incidents.contacts import services
from incidents.contacts.selectors import contact_book, destination, issue_type, ladder, matrix, next_rung, topics
from incidents.models import Incident
from incidents.references.selectors import component_names

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin


def tab(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """What the case is about, the rungs of its escalation, the contact book and the links of its system."""
    may_work = acting_user(request).has_perm(services.CHANGE)
    names = component_names(incident.system)
    issue = issue_type(incident.system, incident.issue_type)
    rungs = ladder(incident)
    return {
        "topic": dict(topics(incident.system)).get(incident.topic, ""),
        "components": [names.get(key, key) for key in incident.components],
        "issue": issue["name"] if issue else "",
        "has_matrix": bool(matrix(incident.system)),
        "rungs": rungs,
        "next_rung": next_rung(incident) if may_work and incident.state in UNRESOLVED else None,
        "book": contact_book(incident.system, demo=incident.is_demo),
        "links": [link for link in incident.system.links if link.get("url", "").startswith("https://")],
        "about_url": reverse(admin.url_name("about"), args=[incident.pk]) if may_work else "",
        "escalate_url": reverse(admin.url_name("escalate"), args=[incident.pk]),
        "route_url": reverse(admin.url_name("route"), args=[incident.pk])
        if may_work and destination(incident) and not incident.routed_to
        else "",
    }


def urls(admin: "CaseAdmin") -> list[Any]:
    """The three acts of the tab, each on a page of its own."""

    def about(request: HttpRequest, object_id: int) -> HttpResponse:
        return _about(admin, request, admin.visible_case(request, object_id))

    def escalate(request: HttpRequest, object_id: int) -> HttpResponse:
        return _escalate(admin, request, admin.visible_case(request, object_id))

    def route(request: HttpRequest, object_id: int) -> HttpResponse:
        return _route(admin, request, admin.visible_case(request, object_id))

    name = admin.url_name("{}").removeprefix("admin:")
    view = admin.admin_site.admin_view
    return [
        path("<int:object_id>/about/", view(about), name=name.format("about")),
        path("<int:object_id>/escalate/", view(escalate), name=name.format("escalate")),
        path("<int:object_id>/route/", view(route), name=name.format("route")),
    ]


class EscalateForm(ActForm):
    """The level the person saw, so that a double tap moves the case once."""

    level = forms.IntegerField(widget=forms.HiddenInput)


def _about(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    user = acting_user(request)
    require(user, services.CHANGE, incident)
    system = incident.system
    issues = [(issue["key"], issue["name"]) for issue in matrix(system)]

    class AboutForm(ActForm):
        topic = forms.ChoiceField(label=_("What it is about"), choices=[("", "–"), *topics(system)], required=False)
        if issues:
            issue = forms.ChoiceField(
                label=_("Issue type"),
                choices=[("", "–"), *issues],
                required=False,
                help_text=_(
                    "It says who is asked first, and who next. Another type begins again with its first contact."
                ),
            )
        if component_names(system):
            components = forms.MultipleChoiceField(
                label=_("Affected components"),
                choices=list(component_names(system).items()),
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )

    def perform(form: ActForm) -> str:
        services.describe(incident, actor=user, at=clock.now(), **form.cleaned_data)
        return _("It is noted what the case is about.")

    return act_page(
        admin,
        request,
        AboutForm,
        perform,
        title=_("What is it about?"),
        submit_label=_("Keep this"),
        back=admin.page_url(incident, "contacts"),
        initial={"topic": incident.topic, "issue": incident.issue_type, "components": incident.components},
        original=incident,
    )


def _escalate(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    user = acting_user(request)
    require(user, services.CHANGE, incident)
    rung = next_rung(incident)
    consequence: Any = gettext_lazy("Choose the issue type first: it says who comes next.")
    if rung is not None:
        consequence = _("%(contact)s is asked next. %(person)s leads from then on and gets a mail.") % {
            "contact": rung.contact,
            "person": person_name(rung.person),
        }
    elif incident.issue_type:
        consequence = _("It stands at the last level of its issue type.")

    def perform(form: EscalateForm) -> str:
        reached = services.escalate(incident, actor=user, at=clock.now(), seen_level=form.cleaned_data["level"])
        if reached.person is None:
            return _("It stands with %(contact)s now, but nobody holds that role.") % {"contact": reached.contact}
        words = {"contact": reached.contact, "person": person_name(reached.person)}
        return _("It stands with %(contact)s now: %(person)s leads.") % words

    return act_page(
        admin,
        request,
        EscalateForm,
        perform,
        title=_("Escalate"),
        submit_label=_("Escalate to %(contact)s") % {"contact": rung.contact} if rung else _("Escalate"),
        back=admin.page_url(incident, "contacts"),
        initial={"level": incident.escalation_level},
        consequence=consequence,
        tone="warn",
        original=incident,
    )


def _route(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    user = acting_user(request)
    require(user, services.CHANGE, incident)

    def perform(form: ActForm) -> str:
        return _("%(reference)s was opened for it.") % {
            "reference": services.route(incident, actor=user, at=clock.now())
        }

    return act_page(
        admin,
        request,
        ActForm,
        perform,
        title=_("Route the case"),
        submit_label=_("Route the case"),
        back=admin.page_url(incident, "contacts"),
        consequence=_("The desk it belongs to opens a case of its own, with the time at which we received this one."),
        original=incident,
    )
