"""Carry missed clocks to CTO and CEO, once each (INC-33)."""

from datetime import datetime, timedelta
from typing import cast

from django.db import transaction

from config.casework.audit.services import record
from config.casework.deadlines.models import Deadline
from config.casework.work.services import enqueue
from incidents.contact_methods.models import ContactMethod
from incidents.models import Incident
from incidents.oncall.selectors import resolve
from incidents.paging import holds, plans, texts
from incidents.paging.models import Escalation
from incidents.services import demand_joint_decision
from integrations.messages.choices import Channel, Purpose
from integrations.messages.models import Message
from integrations.messages.services import queue_personal


def clock_missed(deadline: Deadline, *, at: datetime) -> None:
    """A promise was missed: carry it to the first person of the breach steps and ask for the joint decision (INC-33, INC-05)."""
    incident = cast("Incident", deadline.case)
    record(incident, "clock.missed", actor=None, at=at, about=deadline, detail={"clock": deadline.kind})
    demand_joint_decision(incident, because=deadline.kind, at=at)
    enqueue_step(deadline, order=0, at=at)


def escalate(deadline_id: int, *, order: int, at: datetime) -> Escalation | None:
    """Tell the next person about a missed clock, unless it was met or moved meanwhile; an empty step is passed over visibly.

    Whoever was told about this clock already, before it was met for a while, is passed over too.
    """
    with transaction.atomic():
        deadline = Deadline.objects.select_for_update(of=("self",)).get(pk=deadline_id)
        incident = cast("Incident", deadline.case)
        steps = incident.paging_plan.get("breach", [])
        if not deadline.is_open or deadline.breached_at is None or order >= len(steps):
            return None
        until = holds.held_until(incident, at)
        if until is not None:
            enqueue_step(deadline, order=order, at=until, after_hold=True)
            return None
        target = steps[order]["to"]
        person = resolve(incident.system, target, at, demo=incident.is_demo)
        escalation, created = Escalation.objects.get_or_create(
            deadline=deadline,
            order=order,
            defaults={"incident": incident, "target": target, "person": person, "escalated_at": at},
        )
        if created:
            record(
                incident,
                "incident.escalated" if person else "incident.escalation_without_person",
                actor=None,
                at=at,
                about=escalation,
                detail={"clock": deadline.kind, "to": target},
            )
        if created and person is not None:
            texts.send_escalation(incident, escalation, deadline, at=at)
        if order + 1 < len(steps):
            wait = timedelta() if person is None else plans.after(steps[order + 1])
            enqueue_step(deadline, order=order + 1, at=at + wait)
    return escalation


def switch_channel(message: Message, *, at: datetime) -> None:
    """The mail of an escalation was refused for good: the person's first contact method carries it."""
    method = (
        ContactMethod.objects.in_use()
        .filter(person=message.person)
        .exclude(channel=Channel.EMAIL)
        .order_by("position", "pk")
        .first()
    )
    incident = message.case
    if method is None or not isinstance(incident, Incident):
        return
    queue_personal(
        contact=method.pk,
        channel=method.channel,
        subject=message.subject if method.channel != Channel.SMS else "",
        text=texts.plain(message.subject)[: texts.SMS_LENGTH],
        key=f"{message.idempotency_key}:method:{method.pk}",
        purpose=Purpose.ESCALATION,
        case=incident,
        person=message.person,
        at=at,
    )


def enqueue_step(deadline: Deadline, *, order: int, at: datetime, after_hold: bool = False) -> None:
    """Set a step of the escalation going; `after_hold`: it was due before, and waited for the end of what holds pages back."""
    incident = cast("Incident", deadline.case)
    missed = int(deadline.breached_at.timestamp()) if deadline.breached_at else 0
    key = f"escalate:{deadline.pk}:{incident.paging_generation}:{missed}:{order}"
    if after_hold:
        key = f"{key}:{int(at.timestamp())}"
    enqueue("incidents.escalate", key=key, at=at, deadline=deadline.pk, order=order)
