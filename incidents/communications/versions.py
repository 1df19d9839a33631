"""Versions of a text: a change is a new version, and nobody uses it until a second person has approved it (INC-39)."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.approvals.models import Approval
from config.casework.approvals.services import current_approval, request_approval, sign, withdraw
from config.casework.audit.services import record
from config.casework.catalogue.models import System
from config.casework.transitions import Refused
from incidents.communications.choices import OUTSIDE_AUDIENCES
from incidents.communications.models import WAITING, MessageTemplate
from incidents.communications.slots import FACTS, claims_safe_data, guarded_word, slots_in

PURPOSE = "message_text"
TEXT_FIELDS = ("audience", "title", "subject", "body", "slots", "claims_data_safety")


def propose(system: System, *, key: str, language: str, actor: User, at: datetime, **values: Any) -> MessageTemplate:
    """Keep a new wording of a text as its next version and ask a second person to approve it.

    One that waits already is withdrawn: the newer wording takes its place. The version in use stays in use.

    Args:
        values: `TEXT_FIELDS`.
    Raises:
        ValidationError: keyed by field: unknown slot, stray brace, provider name, unmarked claim of safe data, no change.
        PermissionDenied: the person may not write texts.
    """
    require(actor, "incidents.change_messagetemplate")
    draft = MessageTemplate(system=system, key=key, language=language, is_current=False, **values)
    draft.clean_fields(exclude={"system"})
    check_text(draft)
    with transaction.atomic():
        System.objects.select_for_update(of=("self",)).get(pk=system.pk)
        versions = MessageTemplate.objects.filter(system=system, key=key, language=language)
        current = versions.filter(is_current=True).first()
        if current is not None and all(getattr(current, name) == getattr(draft, name) for name in TEXT_FIELDS):
            raise ValidationError(_("This is word for word the version in use. Change something, then save."))
        for waiting in versions.filter(WAITING):
            _withdraw(waiting, at=at)
        draft.version = (versions.aggregate(last=Max("version"))["last"] or 0) + 1
        draft.proposed_by, draft.proposed_at = actor, at
        draft.save(force_insert=True)
        request_approval(draft, PURPOSE, roles=[_second_role(actor)], at=at, binding=digest(draft), excluded=[actor])
        record(draft, "message_text.proposed", actor=actor, at=at, detail={"version": draft.version})
    return draft


def approve(template: MessageTemplate, *, actor: User, at: datetime, comment: str = "") -> MessageTemplate:
    """Give the second word; the version is in use from now on and the one before is kept as replaced.

    Raises:
        Refused: one's own wording, not the role that is asked, or it no longer waits.
    """
    with transaction.atomic():
        row = _waiting(template)
        approval = current_approval(row, PURPOSE, lock=True)
        if approval is None or approval.binding != digest(row):
            raise Refused(_("What was to be approved has changed. Save the wording again, then approve it."))
        check_text(row)
        sign(approval, actor=actor, at=at, comment=comment)
        MessageTemplate.objects.filter(system=row.system, key=row.key, language=row.language, is_current=True).update(
            is_current=False
        )
        row.is_current, row.approved_by, row.approved_at = True, actor, at
        row.save(update_fields=["is_current", "approved_by", "approved_at"])
    return row


def decline(template: MessageTemplate, *, actor: User, at: datetime) -> MessageTemplate:
    """Take a waiting version off the list; its author or whoever could approve it may do so.

    Raises:
        Refused: it no longer waits.
        PermissionDenied: the person may not write texts.
    """
    require(actor, "incidents.change_messagetemplate")
    with transaction.atomic():
        row = _waiting(template)
        _withdraw(row, at=at)
        record(row, "message_text.declined", actor=actor, at=at, detail={"version": row.version})
    return row


def waiting_for(template: MessageTemplate) -> Approval | None:
    """The question a waiting version asks."""
    return current_approval(template, PURPOSE) if template.is_waiting else None


def check_text(template: MessageTemplate) -> None:
    """Refuse a wording that could never be sent as it is.

    Raises:
        ValidationError: keyed by field.
    """
    errors: dict[str, list[str]] = {}
    for name, fault in _faults(template):
        errors.setdefault(name, []).append(fault)
    if errors:
        raise ValidationError(errors)


def digest(template: MessageTemplate) -> str:
    """What exactly is approved."""
    words = {name: getattr(template, name) for name in ("key", "language", "version", *TEXT_FIELDS)}
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def _faults(template: MessageTemplate) -> Iterator[tuple[str, str]]:
    used: list[str] = []
    for name in ("subject", "body"):
        try:
            used += slots_in(getattr(template, name))
        except ValueError:
            yield name, _("A brace belongs to no slot. Slots look like {feature}: small letters, digits and _.")
    outside = template.audience in OUTSIDE_AUDIENCES
    own = [str(slot.get("key", "")) for slot in template.slots]
    for slot in dict.fromkeys(used):
        if slot in own:
            continue
        if slot not in FACTS:
            yield "slots", _("The text uses {%(slot)s}. List it here, with a label.") % {"slot": slot}
        elif outside and not FACTS[slot].outside:
            yield "body", _("{%(slot)s} is for inside only. Take it out, or list it as a slot of this text.") % {"slot": slot}  # fmt: skip
    yield from _slot_faults(own, used)
    if outside:
        words: Sequence[str] = template.system.setting("guard_words", [])
        for name in ("title", "subject", "body"):
            if found := guarded_word(getattr(template, name), list(words)):
                yield name, _("Texts to users name no provider. Take out: %(word)s.") % {"word": found}
    if claims_safe_data(f"{template.subject}\n{template.body}") and outside and not template.claims_data_safety:
        yield "claims_data_safety", _("The text says that data are safe. Tick this, or take the sentence out.")


def _slot_faults(own: list[str], used: list[str]) -> Iterator[tuple[str, str]]:
    for slot in dict.fromkeys(own):
        if own.count(slot) > 1:
            yield "slots", _("%(slot)s stands there twice.") % {"slot": slot}
        if slot not in used:
            yield "slots", _("No sentence uses %(slot)s. Take it out, or write {%(slot)s} where it belongs.") % {"slot": slot}  # fmt: skip


def _second_role(proposer: User) -> Role:
    """Whose word is asked for: the other of the two leads."""
    return Role.CEO if Role.CTO in proposer.roles else Role.CTO


def _waiting(template: MessageTemplate) -> MessageTemplate:
    row = MessageTemplate.objects.select_for_update(of=("self",)).select_related("system").get(pk=template.pk)
    if not row.is_waiting:
        raise Refused(
            _("It does not wait for approval any more: it is %(standing)s.") % {"standing": row.standing.label}
        )
    return row


def _withdraw(row: MessageTemplate, *, at: datetime) -> None:
    row.withdrawn_at = at
    row.save(update_fields=["withdrawn_at"])
    asked = current_approval(row, PURPOSE)
    if asked is not None:
        withdraw(asked, at=at)
