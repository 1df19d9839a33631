"""What a page says: reference, system, severity and template words; no personal data, no free text from outside."""

from datetime import datetime, timedelta

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from config.casework.deadlines.models import Deadline
from config.casework.deadlines.selectors import clocks
from config.casework.links.services import issue
from config.casework.words import moment
from incidents.choices import UNRESOLVED, Clock
from incidents.clocks import effective_level
from incidents.models import Incident
from incidents.paging.choices import PageReason
from incidents.paging.models import Escalation, Page
from integrations.messages.choices import Purpose
from integrations.messages.models import Message
from integrations.messages.services import queue_chat, queue_mail

LINK_PURPOSE = "page"
LINK_LIFETIME = timedelta(minutes=60)


def headline(incident: Incident) -> str:
    """What is wrong, in words of the runbook; a report by hand has none, so its severity's meaning stands."""
    if incident.playbook is not None:
        return incident.playbook.title
    level = effective_level(incident)
    return level.meaning if level else _("An incident was reported")


def send_page(page: Page, *, at: datetime) -> None:
    """Mail the person on call with a link that acknowledges, and tell the chat targets."""
    incident, person = page.incident, page.person
    if person is None:
        return
    with override(person.language):
        token = issue(
            LINK_PURPOSE,
            page,
            person=person,
            expires_at=at + LINK_LIFETIME,
            at=at,
            bound={"incident": incident.pk, "step": page.step, "round": page.round},
        )
        context = _facts(incident, person.zone) | {
            "reason": PageReason(page.reason).label,
            "link": {
                "url": settings.BASE_URL + reverse("page-acknowledge", args=[token]),
                "label": _("Take it or hand it on"),
            },
            "until": moment(at + LINK_LIFETIME, person.zone),
            "ask": _("Open the link and press “I have it”, or hand it on."),
            "why": _("You get this because you are on call for %(system)s.") % {"system": incident.system},
        }
        subject = f"[{context['severity']}] {context['headline']} - {incident.system} ({incident.reference})"
        queue_mail(
            to=person.email,
            name=person.name,
            subject=subject,
            text=render_to_string("mail/page.txt", context),
            html=render_to_string("mail/page.html", context),
            key=f"page:{page.pk}",
            purpose=Purpose.PAGE,
            case=incident,
            about=page,
            person=person,
            at=at,
        )
    if page.reason == PageReason.OPENED:
        queue_chat(
            subject=subject,
            text=_("%(who)s is paged.") % {"who": page.target},
            key=f"page-chat:{page.pk}",
            purpose=Purpose.PAGE,
            case=incident,
            about=page,
            at=at,
        )


def send_escalation(incident: Incident, escalation: Escalation, deadline: Deadline, *, at: datetime) -> None:
    """Mail a person that a promise was missed and a joint decision is asked for."""
    person = escalation.person
    if person is None:
        return
    with override(person.language):
        missed = Clock(deadline.kind).label
        context = _facts(incident, person.zone) | {
            "headline": _("Missed: %(clock)s") % {"clock": missed},
            "link": {
                "url": settings.BASE_URL + reverse("admin:incidents_incident_change", args=[incident.pk]),
                "label": _("Open the incident"),
            },
            "ask": _("Take it on, or decide together how to go on: closing needs the joint decision of CEO and CTO."),
            "until": moment(deadline.due_at, person.zone) if deadline.due_at else "",
            "why": _("You get this because a promise of %(system)s was missed.") % {"system": incident.system},
        }
        queue_mail(
            to=person.email,
            name=person.name,
            subject=f"[{context['severity']}] {context['headline']} - {incident.system} ({incident.reference})",
            text=render_to_string("mail/page.txt", context),
            html=render_to_string("mail/page.html", context),
            key=f"escalation:{escalation.pk}",
            purpose=Purpose.ESCALATION,
            case=incident,
            about=escalation,
            person=person,
            at=at,
        )


def still_wanted(message: Message) -> bool:
    """A page leaves only while its incident still waits for somebody."""
    incident = message.case
    return not isinstance(incident, Incident) or (
        incident.state in UNRESOLVED and incident.acknowledged_at is None and incident.duplicate_of_id is None
    )


def _facts(incident: Incident, zone: str) -> dict[str, object]:
    level = effective_level(incident)
    due = next(
        (clock for clock in clocks(incident) if clock.is_open and clock.kind == Clock.ACKNOWLEDGE and clock.due_at),
        None,
    )
    facts = [
        (_("Reference"), incident.reference),
        (_("System"), incident.system.name),
        (_("Severity"), f"{level.key} ({level.name})" if level else _("not judged yet")),
        (_("Impact"), level.meaning if level else _("not judged yet")),
        (_("Since"), moment(incident.received_at, zone)),
    ]
    if due is not None and due.due_at is not None:
        facts.append((_("Acknowledge until"), moment(due.due_at, zone)))
    return {
        "headline": headline(incident),
        "severity": level.key if level else "?",
        "facts": [{"label": label, "value": value} for label, value in facts],
    }
