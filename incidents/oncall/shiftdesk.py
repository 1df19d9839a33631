"""Shifts by hand, leave and offers in the admin; tables of them come in and go out by the same services."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.acts import Act, act_page
from config.casework.desk.base import ReadOnlyAdmin, acting_user
from config.casework.desk.display import badge
from config.casework.desk.exchange import DeskImportExportAdmin
from config.casework.desk.filters import PickFilter
from config.casework.desk.forms import ActForm
from incidents.oncall import services
from incidents.oncall.choices import SwapState
from incidents.oncall.forms import LeaveForm, OfferForm, ShiftForm
from incidents.oncall.models import Leave, OnCallShift, Rotation, ShiftSwap
from incidents.oncall.watch import look_ahead

PAGES = (
    (gettext_lazy("Shifts by hand"), "oncallshift_changelist", "view_oncallshift", "edit_calendar"),
    (gettext_lazy("Leave"), "leave_changelist", "view_leave", "beach_access"),
    (gettext_lazy("Offered shifts"), "shiftswap_changelist", "view_shiftswap", "swap_horiz"),
)
COLUMNS = ("person__email", "starts_at", "ends_at")
ROTATION_COLUMNS = ("rotation__system__key", "rotation__key")


def read_moment(row: Mapping[str, Any], name: str) -> datetime:
    """A moment of a table: ISO 8601; without a zone it is in the reader's.

    Raises:
        ValidationError: keyed by column.
    """
    value = row.get(name)
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value or "").strip())
    except ValueError as error:
        raise ValidationError({name: _("Write a time such as 2026-03-09T09:00+01:00.")}) from error
    return timezone.make_aware(found) if timezone.is_naive(found) else found


def read_person(row: Mapping[str, Any]) -> User:
    person = User.objects.filter(email=str(row.get("person__email") or "").strip().lower(), is_staff=True).first()
    if person is None:
        raise ValidationError({"person__email": _("Nobody who works at the desk has this address.")})
    return person


def read_rotation(row: Mapping[str, Any]) -> Rotation:
    found = Rotation.objects.filter(
        system__key=str(row.get("rotation__system__key") or ""),
        key=str(row.get("rotation__key") or ""),
        retired_at=None,
    ).first()
    if found is None:
        raise ValidationError({"rotation__key": _("There is no such rotation of this system.")})
    return found


def _state(row: OnCallShift | Leave) -> Any:
    now = clock.now()
    if row.cancelled_at is not None:
        return badge(_("taken back"), Tone.NEUTRAL)
    if row.ends_at <= now:
        return badge(_("over"), Tone.NEUTRAL)
    return badge(_("now"), Tone.OK) if row.starts_at <= now else badge(_("to come"), Tone.INFO)


def _open(row: OnCallShift | Leave) -> bool:
    return row.cancelled_at is None and row.ends_at > clock.now()


def _end_shift(actor: User, shift: OnCallShift, _form: ActForm) -> str:
    services.end_shift(shift, actor=actor, at=clock.now())
    return _("The rotation holds again.")


@admin.register(OnCallShift)
class OnCallShiftAdmin(DeskImportExportAdmin, ReadOnlyAdmin):
    list_display = ("person", "rotation", "starts_at", "ends_at", "state_badge")
    list_filter = (("rotation", PickFilter),)
    list_select_related = ("person", "rotation__system")
    fields = ("rotation", "person", "starts_at", "ends_at", "state_badge", "entered_by", "entered_at")
    empty_title = gettext_lazy("No shift was entered by hand")
    empty_why = gettext_lazy("The rotations hold. A shift by hand beats them for its time.")
    export_fields = (*ROTATION_COLUMNS, *COLUMNS)
    import_fields = (*ROTATION_COLUMNS, *COLUMNS)
    acts = (
        Act(
            "end",
            gettext_lazy("Take it back"),
            "incidents.change_oncallshift",
            _end_shift,
            consequence=gettext_lazy("The rotation holds again from now on. What has been stays on record."),
            tone=Tone.WARN,
            available=_open,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).has_perm("incidents.add_oncallshift")

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: OnCallShift) -> Any:
        return _state(obj)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        user = acting_user(request)

        def perform(form: ShiftForm) -> str:
            row = services.add_shift(**form.cleaned_data, actor=user, at=clock.now())
            return _("%(who)s is on call then.") % {"who": row.person.get_full_name()}

        label = _("Enter a shift")
        return act_page(
            self,
            request,
            ShiftForm,
            perform,
            title=label,
            submit_label=label,
            back=reverse("admin:incidents_rotation_schedule"),
            consequence=_(
                "It beats the rotation for its time. The rotation goes on underneath and holds again after it."
            ),
            initial={"person": user.pk, "rotation": request.GET.get("rotation", "")},
        )

    def apply_row(self, row: Mapping[str, Any], *, actor: User) -> tuple[models.Model, bool]:
        rotation, person = read_rotation(row), read_person(row)
        starts_at, ends_at = read_moment(row, "starts_at"), read_moment(row, "ends_at")
        known = OnCallShift.objects.filter(
            rotation=rotation, person=person, starts_at=starts_at, ends_at=ends_at, cancelled_at=None
        ).first()
        if known is not None:
            return known, False
        made = services.add_shift(
            rotation, person=person, starts_at=starts_at, ends_at=ends_at, actor=actor, at=clock.now()
        )
        return made, True


def _end_leave(actor: User, leave: Leave, _form: ActForm) -> str:
    services.end_leave(leave, actor=actor, at=clock.now())
    return _("%(who)s is back.") % {"who": leave.person.get_full_name()}


@admin.register(Leave)
class LeaveAdmin(DeskImportExportAdmin, ReadOnlyAdmin):
    list_display = ("person", "starts_at", "ends_at", "state_badge")
    list_select_related = ("person",)
    fields = ("person", "starts_at", "ends_at", "state_badge", "entered_by", "entered_at")
    empty_title = gettext_lazy("Nobody is away")
    empty_why = gettext_lazy("While somebody is away, their turns fall to the next in order.")
    export_fields = COLUMNS
    import_fields = COLUMNS
    acts = (
        Act(
            "end",
            gettext_lazy("Back again"),
            "incidents.change_leave",
            _end_leave,
            consequence=gettext_lazy("Their turns are theirs again from now on."),
            available=_open,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).has_perm("incidents.add_leave")

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: Leave) -> Any:
        return _state(obj)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        user = acting_user(request)

        def perform(form: LeaveForm) -> str:
            now = clock.now()
            row = services.add_leave(**form.cleaned_data, actor=user, at=now)
            told = [_("%(who)s is away then.") % {"who": row.person.get_full_name()}]
            wrong = look_ahead(now, ahead=max(row.ends_at - now, services.TYPING_TIME))
            told += [one.sentence for one in wrong if one.start is not None and one.start < row.ends_at]
            return " ".join(told)

        label = _("Enter leave")
        return act_page(
            self,
            request,
            LeaveForm,
            perform,
            title=label,
            submit_label=label,
            back=reverse("admin:incidents_rotation_schedule"),
            consequence=_(
                "The turns fall to the next in order. When all are away, nobody is on call, and the desk says so."
            ),
            initial={"person": user.pk},
        )

    def apply_row(self, row: Mapping[str, Any], *, actor: User) -> tuple[models.Model, bool]:
        person = read_person(row)
        starts_at, ends_at = read_moment(row, "starts_at"), read_moment(row, "ends_at")
        known = Leave.objects.filter(person=person, starts_at=starts_at, ends_at=ends_at, cancelled_at=None).first()
        if known is not None:
            return known, False
        return services.add_leave(person, starts_at=starts_at, ends_at=ends_at, actor=actor, at=clock.now()), True


def _take(actor: User, swap: ShiftSwap, _form: ActForm) -> str:
    services.take_shift(swap, actor=actor, at=clock.now())
    return _("You are on call then.")


def _withdraw(actor: User, swap: ShiftSwap, _form: ActForm) -> str:
    services.withdraw_shift(swap, actor=actor, at=clock.now())
    return _("The offer is withdrawn.")


def _offered(swap: ShiftSwap) -> bool:
    return swap.state == SwapState.OFFERED and swap.ends_at > clock.now()


@admin.register(ShiftSwap)
class ShiftSwapAdmin(ReadOnlyAdmin):
    list_display = ("offered_by", "rotation", "starts_at", "ends_at", "state", "taken_by")
    list_filter = ("state",)
    list_select_related = ("offered_by", "taken_by", "rotation__system")
    fields = ("rotation", "starts_at", "ends_at", "offered_by", "offered_at", "state", "taken_by", "settled_at")
    empty_title = gettext_lazy("No shift is offered")
    empty_why = gettext_lazy("Offer a time you would like to give away; until somebody takes it, it stays yours.")
    acts = (
        Act(
            "take",
            gettext_lazy("Take it over"),
            "incidents.change_shiftswap",
            _take,
            consequence=gettext_lazy("You are on call for this time instead."),
            available=_offered,
        ),
        Act(
            "withdraw",
            gettext_lazy("Withdraw the offer"),
            "incidents.change_shiftswap",
            _withdraw,
            available=_offered,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).has_perm("incidents.add_shiftswap")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def perform(form: OfferForm) -> str:
            services.offer_shift(**form.cleaned_data, actor=acting_user(request), at=clock.now())
            return _("The others see your offer. Until somebody takes it, you are on call.")

        label = _("Offer a shift")
        return act_page(
            self,
            request,
            OfferForm,
            perform,
            title=label,
            submit_label=label,
            back=reverse("admin:incidents_rotation_schedule"),
            consequence=_("Until somebody takes it, you stay on call for this time."),
            initial={"rotation": request.GET.get("rotation", "")},
        )
