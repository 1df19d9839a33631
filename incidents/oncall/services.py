"""Shifts by hand, leave, and offered shifts. The past is never touched: what has begun can only be ended now."""

from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.transitions import Refused
from config.casework.words import moment
from incidents.oncall.choices import SwapState
from incidents.oncall.models import Leave, OnCallShift, Rotation, RotationMember, ShiftSwap
from incidents.oncall.plans import EDIT
from incidents.oncall.records import keep_record
from incidents.oncall.rota import LONGEST_TURN
from incidents.oncall.rotas import is_able
from incidents.oncall.selectors import shifts

TYPING_TIME = timedelta(minutes=5)
"""A form shows minutes and is filled in for a while: a start this short ago means now."""
LONGEST_LEAVE = timedelta(days=366)


# --- shifts by hand ------------------------------------------------------------------------------------------------------


def add_shift(
    rotation: Rotation, *, person: User, starts_at: datetime, ends_at: datetime, actor: User, at: datetime
) -> OnCallShift:
    """Put a person on call for a time; it beats the rotation.

    Who may change rotations enters anybody; others enter themselves, in rotations they take turns in.

    Raises:
        ValidationError: keyed by field: no time, in the past, overlapping, or somebody who cannot be on call then.
        PermissionDenied: the actor may not.
    """
    require(actor, "incidents.add_oncallshift")
    _demand_own(actor, person, rotation)
    if rotation.retired_at is not None or rotation.over_id is not None:
        raise ValidationError({"rotation": _("Shifts are entered on a rotation in use that is no layer.")})
    starts_at = checked_start(starts_at, ends_at, at, longest=LONGEST_TURN)
    _demand_able(person, starts_at, ends_at)
    with transaction.atomic():
        Rotation.objects.select_for_update().get(pk=rotation.pk)
        for other in _overlapping(rotation, starts_at, ends_at):
            raise ValidationError(
                {
                    "starts_at": _("%(who)s has this shift already, from %(start)s to %(end)s. End that one first.")
                    % {"who": other.person.get_full_name(), **_times(other.starts_at, other.ends_at, actor)}
                }
            )
        return _write_shift(rotation, person, starts_at, ends_at, actor, at)


def end_shift(shift: OnCallShift, *, actor: User, at: datetime) -> OnCallShift:
    """Take a shift back; one that has begun ends now, and what it was stays.

    Raises:
        Refused: it is over or taken back already.
        PermissionDenied: it is another person's.
    """
    require(actor, "incidents.change_oncallshift")
    _demand_own(actor, shift.person, shift.rotation)
    with transaction.atomic():
        Rotation.objects.select_for_update().get(pk=shift.rotation_id)
        row = OnCallShift.objects.get(pk=shift.pk)
        if row.cancelled_at is not None or row.ends_at <= at:
            raise Refused(_("This shift is over already."))
        keep_record(row.rotation, at=at)
        _end(row, at)
        record(row, "shift.ended", actor=actor, at=at)
    shift.refresh_from_db()
    return shift


# --- leave ---------------------------------------------------------------------------------------------------------------


def add_leave(person: User, *, starts_at: datetime, ends_at: datetime, actor: User, at: datetime) -> Leave:
    """Say that a person is away; their turns fall to the next in order.

    Raises:
        ValidationError: keyed by field: no time, in the past, or overlapping.
        PermissionDenied: for somebody else only who may change rotations.
    """
    require(actor, "incidents.add_leave")
    if person != actor:
        require(actor, EDIT)
    if not is_able(person):
        raise ValidationError({"person": _("This person does not work at the desk.")})
    starts_at = checked_start(starts_at, ends_at, at, longest=LONGEST_LEAVE)
    with transaction.atomic():
        User.objects.select_for_update().only("pk").get(pk=person.pk)
        other = Leave.objects.filter(
            person=person, cancelled_at=None, starts_at__lt=ends_at, ends_at__gt=starts_at
        ).first()
        if other is not None:
            said = _times(other.starts_at, other.ends_at, actor)
            raise ValidationError({"starts_at": _("There is leave from %(start)s to %(end)s already.") % said})
        _keep_records(at)
        row = Leave.objects.create(
            person=person, starts_at=starts_at, ends_at=ends_at, entered_by=actor, entered_at=at, changed_at=at
        )
        record(row, "leave.entered", actor=actor, at=at)
    return row


def end_leave(leave: Leave, *, actor: User, at: datetime) -> Leave:
    """Take leave back; when it has begun, the person is back now.

    Raises:
        Refused: it is over or taken back already.
        PermissionDenied: it is another person's.
    """
    require(actor, "incidents.change_leave")
    if leave.person != actor:
        require(actor, EDIT)
    with transaction.atomic():
        row = Leave.objects.select_for_update().get(pk=leave.pk)
        if row.cancelled_at is not None or row.ends_at <= at:
            raise Refused(_("This leave is over already."))
        _keep_records(at)
        _end(row, at)
        record(row, "leave.ended", actor=actor, at=at)
    leave.refresh_from_db()
    return leave


# --- offered shifts ------------------------------------------------------------------------------------------------------


def offer_shift(rotation: Rotation, *, starts_at: datetime, ends_at: datetime, actor: User, at: datetime) -> ShiftSwap:
    """Offer one's own time of duty to the others; it changes nothing until somebody takes it.

    Raises:
        ValidationError: keyed by field: no time, in the past, not one's own, or offered already.
    """
    require(actor, "incidents.add_shiftswap")
    starts_at = checked_start(starts_at, ends_at, at, longest=LONGEST_TURN)
    _demand_held(rotation, actor, starts_at, ends_at)
    with transaction.atomic():
        Rotation.objects.select_for_update().get(pk=rotation.pk)
        offered = ShiftSwap.objects.filter(
            rotation=rotation, offered_by=actor, state=SwapState.OFFERED, starts_at__lt=ends_at, ends_at__gt=starts_at
        )
        if offered.exists():
            raise ValidationError({"starts_at": _("You have offered this time already.")})
        row = ShiftSwap.objects.create(
            rotation=rotation, starts_at=starts_at, ends_at=ends_at, offered_by=actor, offered_at=at
        )
        record(row, "swap.offered", actor=actor, at=at)
    return row


def take_shift(swap: ShiftSwap, *, actor: User, at: datetime) -> OnCallShift:
    """Take an offered time over; from now on it is a shift by hand of the one who takes it.

    Raises:
        Refused: it is taken, withdrawn or over, or the one who offered it no longer has it.
        PermissionDenied: the actor takes no turns in this rotation.
    """
    require(actor, "incidents.change_shiftswap")
    _demand_own(actor, actor, swap.rotation)
    with transaction.atomic():
        rotation = Rotation.objects.select_for_update().get(pk=swap.rotation_id)
        row = _offered(swap, at)
        if row.offered_by == actor:
            raise Refused(_("You offered it yourself. Withdraw it instead."))
        starts_at = max(row.starts_at, at)
        try:
            _demand_held(rotation, row.offered_by, starts_at, row.ends_at)
            _demand_able(actor, starts_at, row.ends_at)
        except ValidationError as error:
            raise Refused(" ".join(error.messages)) from error
        keep_record(rotation, at=at)
        for own in _overlapping(rotation, starts_at, row.ends_at):
            _make_room(own, starts_at, row.ends_at, at)
        shift = _write_shift(rotation, actor, starts_at, row.ends_at, actor, at)
        row.state, row.taken_by, row.settled_at, row.shift = SwapState.TAKEN, actor, at, shift
        row.save(update_fields=["state", "taken_by", "settled_at", "shift"])
        record(row, "swap.taken", actor=actor, at=at)
    swap.refresh_from_db()
    return shift


def withdraw_shift(swap: ShiftSwap, *, actor: User, at: datetime) -> ShiftSwap:
    """Take an offer back.

    Raises:
        Refused: it is taken, withdrawn or over.
        PermissionDenied: it is another person's.
    """
    require(actor, "incidents.change_shiftswap")
    if swap.offered_by != actor:
        require(actor, EDIT)
    with transaction.atomic():
        Rotation.objects.select_for_update().get(pk=swap.rotation_id)
        row = _offered(swap, at)
        row.state, row.settled_at = SwapState.WITHDRAWN, at
        row.save(update_fields=["state", "settled_at"])
        record(row, "swap.withdrawn", actor=actor, at=at)
    swap.refresh_from_db()
    return swap


# --- what they share -----------------------------------------------------------------------------------------------------


def checked_start(starts_at: datetime, ends_at: datetime, at: datetime, *, longest: timedelta) -> datetime:
    """The start, moved to `at` when it was meant to be now.

    Raises:
        ValidationError: the end is not later, the time is over, or it is too long.
    """
    if ends_at <= starts_at:
        raise ValidationError({"ends_at": _("The end must be later than the start.")})
    if starts_at < at - TYPING_TIME or ends_at <= at:
        raise ValidationError({"starts_at": _("The past is on record and stays as it was. Begin now or later.")})
    if ends_at - starts_at > longest:
        raise ValidationError({"ends_at": _("At most %(days)d days at once.") % {"days": longest.days}})
    return max(starts_at, at)


def takes_turns(person: User, rotation: Rotation) -> bool:
    """Whether a person stands in the order of a rotation or of its layers."""
    places = RotationMember.objects.filter(version__ends_at=None, person=person)
    return (
        places.filter(version__rotation=rotation).exists() or places.filter(version__rotation__over=rotation).exists()
    )


def _demand_own(actor: User, person: User, rotation: Rotation) -> None:
    if actor.has_perm(EDIT):
        return
    if actor != person or not takes_turns(actor, rotation):
        raise PermissionDenied(f"{actor} may enter shifts for themselves only, in rotations they take turns in.")


def _demand_able(person: User, starts_at: datetime, ends_at: datetime) -> None:
    if not is_able(person):
        raise ValidationError({"person": _("This person does not work at the desk, or may not sign in.")})
    away = Leave.objects.filter(person=person, cancelled_at=None, starts_at__lt=ends_at, ends_at__gt=starts_at).first()
    if away is not None:
        said = {"who": person.get_full_name(), **_times(away.starts_at, away.ends_at, person)}
        raise ValidationError({"person": _("%(who)s is away from %(start)s to %(end)s.") % said})


def _demand_held(rotation: Rotation, person: User, starts_at: datetime, ends_at: datetime) -> None:
    if any(shift.person != person for shift in shifts(rotation, starts_at, ends_at)):
        raise ValidationError(
            {"starts_at": _("%(who)s is not on call all of this time.") % {"who": person.get_full_name()}}
        )


def _overlapping(rotation: Rotation, starts_at: datetime, ends_at: datetime) -> list[OnCallShift]:
    rows = OnCallShift.objects.filter(
        rotation=rotation, cancelled_at=None, starts_at__lt=ends_at, ends_at__gt=starts_at
    )
    return list(rows.select_related("person").order_by("starts_at"))


def _write_shift(
    rotation: Rotation, person: User, starts_at: datetime, ends_at: datetime, actor: User, at: datetime
) -> OnCallShift:
    keep_record(rotation, at=at)
    try:
        with transaction.atomic():
            row = OnCallShift.objects.create(
                rotation=rotation,
                person=person,
                starts_at=starts_at,
                ends_at=ends_at,
                entered_by=actor,
                entered_at=at,
                changed_at=at,
            )
    except IntegrityError as error:
        raise ValidationError({"starts_at": _("Somebody has a shift in this time already.")}) from error
    record(row, "shift.entered", actor=actor, at=at)
    return row


def _make_room(own: OnCallShift, starts_at: datetime, ends_at: datetime, at: datetime) -> None:
    """Cut a shift by hand of the one who gives a part of it away."""
    end = own.ends_at
    if own.starts_at < starts_at:
        own.ends_at, own.changed_at = starts_at, at
    else:
        own.cancelled_at = own.changed_at = at
    own.save(update_fields=["ends_at", "changed_at", "cancelled_at"])
    if end > ends_at:
        OnCallShift.objects.create(
            rotation=own.rotation,
            person=own.person,
            starts_at=ends_at,
            ends_at=end,
            entered_by=own.entered_by,
            entered_at=at,
            changed_at=at,
        )


def _offered(swap: ShiftSwap, at: datetime) -> ShiftSwap:
    row = ShiftSwap.objects.select_related("offered_by").get(pk=swap.pk)
    if row.state != SwapState.OFFERED:
        raise Refused(_("This offer is %(state)s already.") % {"state": SwapState(row.state).label})
    if row.ends_at <= at:
        raise Refused(_("This time is over."))
    return row


def _end(row: OnCallShift | Leave, at: datetime) -> None:
    row.changed_at = at
    if row.starts_at < at:
        row.ends_at = at
    else:
        row.cancelled_at = at
    row.save(update_fields=["changed_at", "ends_at", "cancelled_at"])


def _keep_records(at: datetime) -> None:
    """Write down how things are, before a change that may concern all rotations."""
    for rotation in Rotation.objects.filter(over=None, retired_at=None).order_by("pk"):
        keep_record(rotation, at=at)


def _times(starts_at: datetime, ends_at: datetime, reader: User) -> dict[str, str]:
    return {"start": moment(starts_at, reader.zone), "end": moment(ends_at, reader.zone)}
