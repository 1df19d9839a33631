"""Fill approved texts, guard them, send them, remember who was told."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.deadlines import services as deadlines
from incidents.choices import UNRESOLVED, Clock
from incidents.clocks import effective_level
from incidents.communications.choices import OUTSIDE_AUDIENCES, Audience
from incidents.communications.dispatch import addressees, dispatch
from incidents.communications.models import Communication, MessageTemplate
from incidents.communications.slots import FACTS, claims_safe_data, fill, guarded_word, slots_in
from incidents.customers.models import CustomerContact
from incidents.models import Incident
from incidents.procedures.models import RunStep


@dataclass(frozen=True)
class Preview:
    """A filled text before it leaves."""

    subject: str
    body: str
    unfilled: tuple[str, ...]
    forbidden: tuple[str, ...]
    needs_data_safety_word: bool


def from_playbook(step: RunStep) -> MessageTemplate:
    """The text a playbook carries itself (INC-40), approved with the runbook; never saved as a template of its own."""
    run = step.run
    return MessageTemplate(
        system=run.procedure.system,
        key=run.procedure.key,
        version=run.procedure_version,
        audience=step.audience,
        title=run.title,
        subject=_("News about {system}"),
        body=_("Hello,\n\n%(text)s\n\nYour {system} team\n") % {"text": step.text},
        claims_data_safety=claims_safe_data(step.text),
        approved_at=run.started_at,
    )


def slots(template: MessageTemplate) -> list[str]:
    """The named slots of a text, in the order they appear.

    Raises:
        ValidationError: a brace of the text belongs to no slot.
    """
    try:
        return slots_in(f"{template.subject}\n{template.body}")
    except ValueError as error:
        raise ValidationError(
            {"template": _("The text %(template)s %(fault)s.") % {"template": template, "fault": error}}
        ) from None


def split_addresses(text: str) -> list[str]:
    """Addresses typed one a line, or separated by commas or semicolons."""
    return [part for part in re.split(r"[\s,;]+", text) if part]


def known_slots(incident: Incident, template: MessageTemplate, *, next_update: str = "") -> dict[str, str]:
    """What the incident itself fills in; the rest is typed.

    A slot that the text lists as its own is typed, whatever its name, and people outside never read what is for inside.
    """
    own = {slot["key"] for slot in template.slots}
    facts = [
        name
        for name, fact in FACTS.items()
        if name not in own and (fact.outside or template.audience not in OUTSIDE_AUDIENCES)
    ]
    values = _facts(incident, next_update=next_update)
    return {name: values[name] for name in facts if name in values}


def _facts(incident: Incident, *, next_update: str) -> dict[str, str]:
    level = incident.severity
    measures = ", ".join(incident.mitigations.filter(reverted_at=None).values_list("text", flat=True))
    return {
        "reference": incident.reference,
        "system": incident.system.public_name or incident.system.name,
        "severity": level.key if level else _("not judged yet"),
        "impact": incident.scope or (level.meaning if level else ""),
        "mitigation": measures or _("being worked on"),
        "owner": incident.owner.get_full_name() if incident.owner else _("nobody yet"),
        "next_update": next_update,
        "channel": incident.channel or _("none yet"),
    }


def preview(template: MessageTemplate, incident: Incident, values: Mapping[str, str]) -> Preview:
    """Fill the slots and say what keeps the text from leaving (INC-36..39).

    Substitution is by name only: no template language, no attribute access, no HTML.
    """
    filled = {name: str(value).strip() for name, value in values.items() if str(value).strip()}
    subject, body = fill(template.subject, filled), fill(template.body, filled)
    outside = template.audience in OUTSIDE_AUDIENCES
    words = incident.system.setting("guard_words", []) if outside else []
    found = [word for word in words if guarded_word(f"{subject}\n{body}", [word])]
    return Preview(
        subject=subject,
        body=body,
        unfilled=tuple(name for name in slots(template) if name not in filled),
        forbidden=tuple(found),
        needs_data_safety_word=incident.data_loss_risk
        and (template.claims_data_safety or (outside and claims_safe_data(f"{subject}\n{body}"))),
    )


def send(
    incident: Incident,
    template: MessageTemplate,
    *,
    actor: User,
    at: datetime,
    values: Mapping[str, str],
    recipients: Iterable[str] = (),
    contacts: Sequence[CustomerContact] = (),
    next_update_at: datetime | None = None,
    confirm_data_safety: bool = False,
) -> Communication:
    """Send an approved text about an incident and keep the record of it.

    Args:
        values: what fills the slots.
        recipients: mail addresses; for the internal update the two people of the incident when left empty.
        contacts: people at customers (`customers.selectors.readers`); their customers count as told once the mail was accepted.
        next_update_at: when the next word is promised, aware; demanded of an internal update on an unresolved incident.
        confirm_data_safety: the CTO's or CEO's word that the claim of safe data holds in spite of the flag (INC-39).
    Raises:
        ValidationError: unfilled slot, forbidden word, bad address, nobody to tell, no next update.
        PermissionDenied: not allowed, or the claim of safe data is not this person's to confirm.
    """
    require(actor, "incidents.add_communication", incident)
    filled = preview(template, incident, values)
    people = addressees(incident, template, recipients, contacts)
    addresses = [person.address for person in people]
    _refuse_unfit(incident, template, filled, actor, at, next_update_at, confirm_data_safety)
    with transaction.atomic():
        communication, created = Communication.objects.get_or_create(
            idempotency_key=_key(incident, template, filled, addresses, at),
            defaults={
                "incident": incident,
                "audience": template.audience,
                "template": template if template.pk else None,
                "template_key": template.key,
                "template_version": template.version,
                "language": template.language,
                "slots": dict(values),
                "subject": filled.subject,
                "body": filled.body,
                "recipients": addresses,
                "recipient_count": len(addresses),
                "next_update_at": next_update_at,
                "data_safety_confirmed_by": actor if filled.needs_data_safety_word else None,
                "sent_by": actor,
                "sent_at": at,
            },
        )
        if created:
            communication.recipient_count = dispatch(communication, people, at=at)
            communication.save(update_fields=["recipient_count"])
            _record_sent(communication, actor=actor, at=at)
            _renew_update_clock(incident, next_update_at, at=at)
    return communication


def _record_sent(communication: Communication, *, actor: User, at: datetime) -> None:
    detail = {
        "audience": communication.audience,
        "template": communication.template_key,
        "version": communication.template_version,
        "recipients": communication.recipient_count,
    }
    record(communication.incident, "communication.sent", actor=actor, at=at, about=communication, detail=detail)


def _key(incident: Incident, template: MessageTemplate, filled: Preview, addresses: list[str], at: datetime) -> str:
    """The same text to the same people within one minute is one communication: a second press of the button."""
    parts = [incident.reference, template.key, str(template.version), filled.subject, filled.body, *addresses]
    return hashlib.sha256("\n".join([*parts, f"{at:%Y-%m-%dT%H:%M}"]).encode()).hexdigest()


def _renew_update_clock(incident: Incident, promised: datetime | None, *, at: datetime) -> None:
    """The next word is due when it was promised, else by the rhythm of the severity (INC-97); none once it is resolved."""
    deadlines.meet(incident, Clock.UPDATE, at=at)
    if promised is not None:
        steps = [{"rule": "promised in the last update", "at": promised.isoformat()}]
        deadlines.start(incident, Clock.UPDATE, at=at, due_at=promised, steps=steps)
        return
    level = effective_level(incident)
    if level is not None and level.update_every and incident.state in UNRESOLVED:
        deadlines.start(incident, Clock.UPDATE, at=at, span=level.update_every, calendar=level.business_calendar())


def open_channel(incident: Incident, *, channel: str, actor: User, at: datetime) -> Incident:
    """Note where we talk about the incident, and since when (INC-26); another place replaces it.

    Args:
        channel: an address, or the name of a chat room.
    Raises:
        ValidationError: empty or too long.
    """
    require(actor, "incidents.change_incident", incident)
    if not channel.strip():
        raise ValidationError({"channel": _("Give an address, or the name of the room.")})
    with transaction.atomic():
        row = Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
        row.channel, row.channel_since = channel.strip(), at
        row.clean_fields(exclude={field.name for field in row._meta.concrete_fields} - {"channel"})
        row.save(update_fields=["channel", "channel_since"])
        record(row, "incident.channel_opened", actor=actor, at=at, fields=["channel"])
    incident.refresh_from_db(fields=["channel", "channel_since"])
    return incident


def _refuse_unfit(
    incident: Incident,
    template: MessageTemplate,
    filled: Preview,
    actor: User,
    at: datetime,
    next_update_at: datetime | None,
    confirmed: bool,
) -> None:
    errors: dict[str, str] = {}
    if not template.is_current or template.approved_at is None:
        errors["template"] = _("Only the current, approved version of a text may be sent.")
    if filled.unfilled:
        errors["slots"] = _("Fill in: %(slots)s.") % {"slots": ", ".join(f"[{name}]" for name in filled.unfilled)}
    if filled.forbidden:
        errors["body"] = _("Texts to users name no provider. Take out: %(words)s.") % {
            "words": ", ".join(filled.forbidden)
        }
    if template.audience == Audience.INTERNAL and incident.state in UNRESOLVED and next_update_at is None:
        errors["next_update_at"] = _("Promise the next update: an open incident needs one.")
    if next_update_at is not None and next_update_at <= at:
        errors["next_update_at"] = _("The next update must lie in the future.")
    if errors:
        raise ValidationError(errors)
    if filled.needs_data_safety_word:
        if not actor.has_perm("incidents.lead_incident"):
            raise PermissionDenied(
                _(
                    "Data may be lost in this incident, and this text says they are safe. Only the CTO or CEO may confirm that."
                )
            )
        if not confirmed:
            raise ValidationError(
                {
                    "confirm_data_safety": _(
                        "Data may be lost in this incident. Confirm that what the text says about the data is true."
                    )
                }
            )
