"""Ask for signatures, give them, and guard steps with them."""

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.utils.translation import gettext as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.approvals.models import Approval, Deputy, Signature
from config.casework.audit.services import record
from config.casework.cases.models import Case
from config.casework.events import ApprovalGranted, publish
from config.casework.transitions import Guard, Refused, Step, Words


def request_approval(
    case: models.Model,
    purpose: str,
    *,
    roles: Iterable[Role],
    at: datetime,
    binding: str = "",
    excluded: Iterable[User] = (),
) -> Approval:
    """Ask for an approval, or return the one already asked; another binding withdraws the old one.

    Args:
        case: the case, or another row that needs a second person.
    """
    with transaction.atomic():
        current = current_approval(case, purpose, lock=True)
        if current is not None and current.binding == binding:
            return current
        if current is not None:
            current.withdrawn_at = at
            current.save(update_fields=["withdrawn_at"])
        approval = Approval.objects.create(
            case=case, purpose=purpose, roles=sorted(roles), binding=binding, requested_at=at
        )
        approval.excluded.set(excluded)
        record(
            case,
            "approval.requested",
            actor=None,
            at=at,
            about=approval,
            detail={"purpose": purpose, "roles": sorted(roles)},
        )
    return approval


def sign(approval: Approval, *, actor: User, at: datetime, comment: str = "") -> Approval:
    """Give one's word; the last one needed grants the approval.

    Raises:
        Refused: signed before, excluded (four eyes), not a holder or deputy of a role still needed, or closed.
        PermissionDenied: the person may not see the case.
    """
    case = cast("Case", approval.case)
    require(actor, f"{case._meta.app_label}.view_{case._meta.model_name}", case)
    with transaction.atomic():
        row = Approval.objects.select_for_update(of=("self",)).get(pk=approval.pk)
        _refuse_unfit(row, actor)
        role, as_deputy = _role_for(row, actor, at)
        Signature.objects.create(
            approval=row, person=actor, role=role, as_deputy=as_deputy, comment=comment.strip(), at=at
        )
        record(
            case,
            "approval.signed",
            actor=actor,
            at=at,
            about=row,
            detail={"purpose": row.purpose, "role": role, "as_deputy": as_deputy},
        )
        if row.signatures.count() == len(row.roles):
            row.granted_at = at
            row.save(update_fields=["granted_at"])
            record(case, "approval.granted", actor=None, at=at, about=row, detail={"purpose": row.purpose})
            publish(ApprovalGranted(row, at))
    approval.refresh_from_db()
    return approval


def current_approval(case: models.Model, purpose: str, *, lock: bool = False) -> Approval | None:
    """The approval of this purpose that was not withdrawn."""
    rows = Approval.objects.filter(
        content_type=ContentType.objects.get_for_model(case), object_id=case.pk, purpose=purpose, withdrawn_at=None
    )
    return (rows.select_for_update(of=("self",)) if lock else rows).first()


def withdraw(approval: Approval, *, at: datetime) -> bool:
    """Take back a question whose reason is gone; False when somebody signed already or it was withdrawn."""
    with transaction.atomic():
        row = Approval.objects.select_for_update(of=("self",)).get(pk=approval.pk)
        if row.withdrawn_at is not None or row.signatures.exists():
            return False
        row.withdrawn_at = at
        row.save(update_fields=["withdrawn_at"])
        case = cast("Case", row.case)
        record(case, "approval.withdrawn", actor=None, at=at, about=row, detail={"purpose": row.purpose})
    return True


def approved(purpose: str, *, missing: Words, required: bool = True) -> Guard:
    """A transition guard: the step waits until the approval of this purpose is granted.

    Args:
        missing: the sentence shown while it is not.
        required: False lets the step pass when nobody ever asked for the approval.
    """

    def guard(step: Step[Case]) -> str | None:
        approval = current_approval(step.obj, purpose)
        if approval is None:
            return str(missing) if required else None
        return None if approval.granted_at else str(missing)

    return guard


def _refuse_unfit(approval: Approval, actor: User) -> None:
    if approval.withdrawn_at:
        raise Refused(_("What was to be approved has changed; the question is asked anew."))
    if approval.signatures.filter(person=actor).exists():
        raise Refused(_("You have signed already. The second signature must come from another person."))
    if approval.granted_at:
        raise Refused(_("All signatures are there already."))
    if approval.excluded.filter(pk=actor.pk).exists():
        raise Refused(_("You worked on this case, so somebody else must decide."))


def _role_for(approval: Approval, actor: User, at: datetime) -> tuple[Role, bool]:
    """The role in which the person signs: one held, else one deputised; only roles nobody signed for yet."""
    open_roles = [
        Role(role) for role in approval.roles if role not in set(approval.signatures.values_list("role", flat=True))
    ]
    held = [role for role in open_roles if role in actor.roles]
    if held:
        return held[0], False
    deputised = set(
        Deputy.objects.filter(person=actor, starts_at__lte=at, ends_at__gt=at).values_list("role", flat=True)
    )
    for role in open_roles:
        if role in deputised:
            return role, True
    raise Refused(
        _("This needs the signature of: %(roles)s.") % {"roles": ", ".join(str(role.label) for role in open_roles)}
    )
