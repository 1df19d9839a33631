"""What the next contact of an escalation is told: reference, system, severity and template words only."""

from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from config.casework.access.models import User
from config.casework.words import moment
from incidents.clocks import effective_level
from incidents.models import Incident
from incidents.paging.texts import headline
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail


def send_moved_up(incident: Incident, person: User, *, contact: str, level: int, at: datetime) -> None:
    """Mail a person that an incident came to them as the next contact of its issue type."""
    rank = effective_level(incident)
    with override(person.language):
        severity = rank.key if rank else "?"
        words = headline(incident)
        facts = (
            (_("Reference"), incident.reference),
            (_("System"), incident.system.name),
            (_("Severity"), f"{rank.key} ({rank.name})" if rank else _("not judged yet")),
            (_("Since"), moment(incident.received_at, person.zone)),
            (_("Escalated to"), contact),
        )
        context = {
            "headline": words,
            "severity": severity,
            "facts": [{"label": label, "value": value} for label, value in facts],
            "link": {
                "url": settings.BASE_URL + reverse("admin:incidents_incident_change", args=[incident.pk]),
                "label": _("Open the incident"),
            },
            "ask": _("You lead it from now on. Hand it on if somebody else is nearer."),
            "why": _("You get this because you stand behind “%(contact)s” for %(system)s.")
            % {"contact": contact, "system": incident.system},
        }
        subject = f"[{severity}] {words} - {incident.system} ({incident.reference})"
        queue_mail(
            to=person.email,
            name=person.name,
            subject=subject,
            text=render_to_string("mail/page.txt", context),
            html=render_to_string("mail/page.html", context),
            key=f"moved-up:{incident.pk}:{incident.issue_type}:{level}:{int(at.timestamp())}",
            purpose=Purpose.ESCALATION,
            case=incident,
            person=person,
            at=at,
        )
