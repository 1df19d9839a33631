"""Remind whoever speaks for us: an update is overdue, a customer was not told in time."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from config.casework.access.models import User
from config.casework.deadlines.models import Deadline
from config.casework.words import moment
from incidents.clocks import effective_level
from incidents.customers.models import Notice
from incidents.models import Incident
from incidents.oncall.choices import OnCallPart
from incidents.oncall.selectors import on_call
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail


def update_is_overdue(incident: Incident, *, at: datetime) -> None:
    """The promised next update did not come (INC-97)."""
    person = _speaker(incident, at)
    if person is None:
        return
    with override(person.language):
        _remind(
            incident,
            person,
            headline=_("The next update is overdue"),
            ask=_("Tell the people affected how it stands, and when they hear more."),
            key=f"update-reminder:{incident.pk}:{int(at.timestamp())}",
            at=at,
        )


def customer_was_not_told(incident: Incident, deadline: Deadline, *, at: datetime) -> None:
    """The notice time agreed with a customer ran out before anybody told it."""
    person, row = _speaker(incident, at), deadline.about
    if person is None or row is None:
        return
    with override(person.language):
        _remind(
            incident,
            person,
            headline=_("Not told in time: %(customer)s") % {"customer": row.organization.name},
            ask=_("Call them now, or write. The numbers stand on the customer's sheet."),
            key=f"notice-reminder:{deadline.pk}:{int(at.timestamp())}",
            at=at,
            link=reverse("admin:incidents_customer_sheet", args=[row.organization_id]),
        )


def mail_did_not_arrive(notice: Notice, *, at: datetime) -> None:
    """A mail to a customer was given up, so the customer is not told by it."""
    incident, customer = notice.incident, notice.organization
    person = _speaker(incident, at) if incident is not None and customer is not None else None
    if incident is None or customer is None or person is None:
        return
    with override(person.language):
        _remind(
            incident,
            person,
            headline=_("A mail did not arrive: %(customer)s") % {"customer": customer.name},
            ask=_("Call them. The numbers stand on the customer's sheet."),
            key=f"mail-failed:{notice.pk}",
            at=at,
            link=reverse("admin:incidents_customer_sheet", args=[customer.pk]),
        )


def _speaker(incident: Incident, at: datetime) -> User | None:
    """Who speaks for us, else who leads, else who would be called for it."""
    return (
        incident.comms_lead
        or incident.owner
        or on_call(incident.system, OnCallPart.SECONDARY, at, demo=incident.is_demo)
    )


def _remind(
    incident: Incident, person: User, *, headline: str, ask: str, key: str, at: datetime, link: str = ""
) -> None:
    level = effective_level(incident)
    facts = [
        (_("Reference"), incident.reference),
        (_("System"), incident.system.name),
        (_("Severity"), f"{level.key} ({level.name})" if level else _("not judged yet")),
        (_("Since"), moment(incident.received_at, person.zone)),
    ]
    context: dict[str, Any] = {
        "headline": headline,
        "facts": [{"label": label, "value": value} for label, value in facts],
        "link": {
            "url": settings.BASE_URL + (link or reverse("admin:incidents_incident_change", args=[incident.pk])),
            "label": _("Open the customer's sheet") if link else _("Open the incident"),
        },
        "ask": ask,
        "why": _("You get this because you speak for us on this incident."),
    }
    queue_mail(
        to=person.email,
        name=person.name,
        subject=f"[{level.key if level else '?'}] {headline} - {incident.system} ({incident.reference})",
        text=render_to_string("mail/page.txt", context),
        html=render_to_string("mail/page.html", context),
        key=key,
        purpose=Purpose.REMINDER,
        case=incident,
        person=person,
        at=at,
    )
