"""What a page says: reference, system, severity and template words; no personal data, no free text from outside."""

import re
import unicodedata
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from config.casework.access.models import User
from config.casework.deadlines.models import Deadline
from config.casework.deadlines.selectors import clocks
from config.casework.links.services import issue
from config.casework.words import moment
from incidents.choices import Clock
from incidents.clocks import effective_level
from incidents.contact_methods.models import ContactMethod
from incidents.models import Incident
from incidents.paging.choices import PageReason
from incidents.paging.models import Escalation, Page
from integrations.messages.choices import Channel, Purpose
from integrations.messages.models import Message
from integrations.messages.services import queue_chat, queue_mail, queue_personal

LINK_PURPOSE = "page"
LINK_LIFETIME = timedelta(minutes=60)
SMS_LENGTH = 160
SHORTEST_WORDS = 12
DOUBLE = re.compile(r"[\[\]{}^~|\\`]")  # these take two places in an SMS, or are not in its alphabet


def headline(incident: Incident) -> str:
    """What is wrong, in words of the runbook; a report by hand has none, so its severity's meaning stands."""
    if incident.is_storm:
        return _("Many alerts at once")
    if incident.playbook is not None:
        return incident.playbook.title
    level = effective_level(incident)
    return level.meaning if level else _("An incident was reported")


def send_mail(pages: list[Page], *, at: datetime) -> Message:
    """Mail the person of one or more pages; each page has a link that acknowledges it."""
    first, others = pages[0], pages[1:]
    incident, person = first.incident, _person(first)
    with override(person.language):
        context = _facts(incident, person.zone) | {
            "reason": PageReason(first.reason).label,
            "link": {"url": _link(first, at), "label": _("Take it or hand it on")},
            "until": moment(at + LINK_LIFETIME, person.zone),
            "ask": _("Open the link and press “I have it”, or hand it on."),
            "why": _("You get this because you are on call for %(system)s.") % {"system": incident.system},
        }
        if others:
            context["paragraphs"] = [
                _("These wait for somebody too:"),
                *(f"{title(page.incident)}: {_link(page, at)}" for page in others),
            ]
        return queue_mail(
            to=person.email,
            name=person.name,
            subject=title(incident) + (_(" and %(count)s more") % {"count": len(others)} if others else ""),
            text=render_to_string("mail/page.txt", context),
            html=render_to_string("mail/page.html", context),
            key=f"page:{first.pk}",
            purpose=Purpose.PAGE,
            case=incident,
            about=first,
            person=person,
            at=at,
        )


def send_to_method(pages: list[Page], method: ContactMethod, *, at: datetime) -> Message:
    """Send one or more pages to a contact method in as many words as it carries."""
    first, person = pages[0], method.person
    with override(person.language):
        subject = title(first.incident)
        if method.channel == Channel.SMS:
            text = short_text(first, more=len(pages) - 1, at=at)
            subject = ""
        else:
            ask = _("Take it or hand it on")
            lines = [f"{ask}: {_link(first, at)}"]
            lines += [f"{title(page.incident)}. {ask}: {_link(page, at)}" for page in pages[1:]]
            text = "\n".join(lines)
        return queue_personal(
            contact=method.pk,
            channel=method.channel,
            subject=subject,
            text=text,
            key=f"page:{first.pk}:method:{method.pk}",
            purpose=Purpose.PAGE,
            case=first.incident,
            about=first,
            person=person,
            at=at,
        )


def short_text(page: Page, *, more: int, at: datetime) -> str:
    """A page in one SMS: reference, system, severity and link always, as many words of the headline as fit beside them.

    Only letters of the basic alphabet: a single other one would halve the room.
    """
    incident = page.incident
    level = effective_level(incident)
    head = plain(f"{level.key if level else '?'} {incident.system} {incident.reference}")
    tail = (f" +{more}" if more else "") + f" {_link(page, at)}"
    if len(head) + len(tail) > SMS_LENGTH:
        tail = f" +{more}" if more else ""  # an address this long leaves no room: the desk itself is the way in
    room = SMS_LENGTH - len(head) - len(tail) - 2
    words = plain(headline(incident))
    if room < SHORTEST_WORDS:
        return (head + tail)[:SMS_LENGTH]
    return f"{head}: {words if len(words) <= room else words[: room - 3].rstrip() + '...'}{tail}"


def plain(text: str) -> str:
    """A text in letters that take one place each in an SMS."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(DOUBLE.sub(" ", letters).split())


def title(incident: Incident) -> str:
    """Severity, template words, system and reference in one line."""
    level = effective_level(incident)
    return f"[{level.key if level else '?'}] {headline(incident)} - {incident.system} ({incident.reference})"


def tell_chats(page: Page, *, at: datetime, only: int | None = None) -> None:
    """Tell the chat targets, or one of them, that somebody is paged."""
    incident = page.incident
    said = _("%(who)s is paged.") % {"who": page.target} if only is None else _("Nobody has taken it yet.")
    queue_chat(
        subject=title(incident),
        text=said if only is None else f"{said} {settings.BASE_URL}{_case_address(incident)}",
        key=f"page-chat:{page.pk}",
        purpose=Purpose.PAGE,
        case=incident,
        about=page,
        at=at,
        only=only,
    )


def send_warning(deadline: Deadline, *, at: datetime) -> None:
    """Mail the owner, quietly and once, that a promised clock has used up most of its time (rules: warn at 80 %)."""
    incident = cast("Incident", deadline.case)
    person = incident.owner
    if person is None or deadline.due_at is None:
        return
    with override(person.language):
        context = _facts(incident, person.zone) | {
            "headline": _("Soon due: %(clock)s") % {"clock": Clock(deadline.kind).label},
            "link": {"url": settings.BASE_URL + _case_address(incident), "label": _("Open the incident")},
            "ask": _("Most of the time is over."),
            "until": moment(deadline.due_at, person.zone),
            "why": _("You get this because you lead this incident."),
        }
        queue_mail(
            to=person.email,
            name=person.name,
            subject=f"[{context['severity']}] {context['headline']} - {incident.system} ({incident.reference})",
            text=render_to_string("mail/page.txt", context),
            html=render_to_string("mail/page.html", context),
            key=f"soon-due:{deadline.pk}:{int(deadline.due_at.timestamp())}",
            purpose=Purpose.REMINDER,
            case=incident,
            about=deadline,
            person=person,
            at=at,
        )


def send_notice(person: User, *, subject: str, text: str, key: str, at: datetime) -> None:
    """Mail one person something about the desk itself."""
    context = {"headline": subject, "paragraphs": [text], "why": _("You get this because you work at the desk.")}
    queue_mail(
        to=person.email,
        name=person.name,
        subject=subject,
        text=render_to_string("mail/base.txt", context),
        key=key,
        purpose=Purpose.NOTICE,
        person=person,
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


def _person(page: Page) -> User:
    if page.person is None:
        raise ValueError(f"{page} has no person.")
    return page.person


def _case_address(incident: Incident) -> str:
    return reverse("admin:incidents_incident_change", args=[incident.pk])


def _link(page: Page, at: datetime) -> str:
    """A fresh link that acknowledges one page, bound to its person, incident and step."""
    token = issue(
        LINK_PURPOSE,
        page,
        person=page.person,
        expires_at=at + LINK_LIFETIME,
        at=at,
        bound={"incident": page.incident_id, "step": page.step, "round": page.round},
    )
    return settings.BASE_URL + reverse("page-acknowledge", args=[token])


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
