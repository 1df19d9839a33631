"""The page behind a paged link: acknowledge or hand on with one thumb, without sign-in. Opening it changes nothing."""

from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods

from config.casework import clock
from config.casework.access.models import User
from config.casework.deadlines.models import Deadline
from config.casework.links.services import LinkExpired, LinkUnknown, look
from config.casework.transitions import Refused
from config.casework.words import ago_words
from incidents import services
from incidents.choices import UNRESOLVED, Clock
from incidents.clocks import effective_level
from incidents.models import Incident
from incidents.oncall.selectors import other_person
from incidents.paging.choices import PageReason
from incidents.paging.models import Page
from incidents.paging.services import hand_over, judge, renew
from incidents.paging.texts import LINK_PURPOSE, headline


@require_http_methods(["GET", "HEAD", "POST"])
def acknowledge_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show how the incident stands; take it, confirm it or hand it on when a button was pressed (SC-35).

    The link is bound to person, incident and step and lives 60 minutes: altered 404, expired 410.
    """
    now = clock.now()
    try:
        grant = look(token, LINK_PURPOSE, now)
    except LinkUnknown:
        return _private(render(request, "404.html", status=404))
    except LinkExpired:
        context = {"state": "expired", "incident_reference": _("This incident"), "desk_url": reverse("admin:index")}
        return _private(render(request, "front/page_ack.html", context, status=410))
    page, person = cast("Page", grant.object), grant.person
    if person is None or not person.is_active:
        return _private(render(request, "404.html", status=404))
    with override(person.language), timezone.override(person.zone):
        if request.method == "POST":
            message = _act(page, person, request.POST.get("act", ""))
            if not message:
                return _private(HttpResponseRedirect(request.path))
            return _private(
                render(request, "front/page_ack.html", _context(page, person) | {"message": message}, status=409)
            )
        return _private(render(request, "front/page_ack.html", _context(page, person)))


def _act(page: Page, person: User, act: str) -> str:
    """Do what the button says; the sentence why not, else empty."""
    now, incident = clock.now(), page.incident
    try:
        if act == "have":
            services.acknowledge(incident, actor=person, at=now, provisional=True)
        elif act == "confirm":
            services.confirm_acknowledgement(incident, actor=person, at=now)
        elif act == "renew":
            renew(incident, actor=person, at=now)
        elif act == "not_worth":
            judge(page, worth_it=False, actor=person, at=now)
        elif act == "hand":
            other = other_person(incident.system, person, now, demo=incident.is_demo)
            if other is None:
                return _("There is nobody to hand it to.")
            hand_over(incident, giver=person, to=other, at=now)
        else:
            return _("Press one of the buttons.")
    except Refused as refusal:
        return str(refusal)
    return ""


def _context(page: Page, person: User) -> dict[str, Any]:
    now = clock.now()
    incident = Incident.objects.select_related("system", "severity", "acknowledged_by", "playbook").get(
        pk=page.incident_id
    )
    level = effective_level(incident)
    other = other_person(incident.system, person, now, demo=incident.is_demo)
    confirm = Deadline.objects.open().of(incident).filter(kind=Clock.CONFIRM).values_list("due_at", flat=True).first()
    renewable = Deadline.objects.open().of(incident).filter(kind=Clock.RENEW).exists()
    step = incident.playbook.steps.order_by("position").first() if incident.playbook else None
    return {
        "state": _state(page, incident, person),
        "incident_reference": incident.reference,
        "system_name": incident.system.name,
        "severity": {"label": level.key if level else "?", "tone": level.tone if level else "danger"},
        "headline": headline(incident),
        "since": incident.received_at,
        "since_words": ago_words(incident.received_at, now),
        "impact": level.meaning if level else "",
        "first_step": step.text if step else "",
        "other": {"name": other.get_full_name(), "phone": other.phone} if other else {},
        "confirm_until": confirm,
        "taken_by": incident.acknowledged_by.get_full_name() if incident.acknowledged_by else "",
        "resolved_at": incident.resolved_at,
        "renewable": renewable,
        "worth_it": page.worth_it,
        "desk_url": settings.BASE_URL + reverse("admin:incidents_incident_change", args=[incident.pk]),
    }


def _state(page: Page, incident: Incident, person: User) -> str:
    if incident.state not in UNRESOLVED:
        return "resolved"
    if incident.acknowledged_at is not None and not incident.acknowledgement_expired:
        if incident.acknowledged_by_id != person.pk:
            return "taken"
        return "provisional" if incident.acknowledgement_provisional else "confirmed"
    handed = (
        incident.pages.filter(reason=PageReason.HANDED, paged_at__gte=page.paged_at).exclude(person=person).exists()
    )
    return "handed" if handed else "fresh"


def _private(response: HttpResponse) -> HttpResponse:
    add_never_cache_headers(response)
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    return response
