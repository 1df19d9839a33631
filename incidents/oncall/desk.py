"""On-call in the admin: the schedule, rotations, hand-over notes, calendar feeds, the record."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.acts import Act, Secret, act_page
from config.casework.desk.base import ReadOnlyAdmin, acting_user
from config.casework.desk.display import Mark, badge, person_name
from config.casework.desk.filters import PickFilter
from config.casework.desk.forms import ActForm
from config.casework.desk.navigation import Line, register_group, register_line
from incidents.oncall import feeds, handover, plans
from incidents.oncall.choices import OnCallPart, ShiftSource
from incidents.oncall.forms import FeedForm, NewRotationForm, NoteForm, PlanForm, plan_values
from incidents.oncall.models import CalendarFeed, HandOverNote, Rotation, ShiftRecord
from incidents.oncall.selectors import Shift, shifts, who
from incidents.oncall.shiftdesk import PAGES
from incidents.oncall.watch import look_ahead

ONCALL = "oncall"
WEEKS = 4
WEEK = timedelta(weeks=1)


def _edit(actor: User, rotation: Rotation, form: Any) -> str:
    _row, changed = plans.put_rotation(
        rotation.system,
        rotation.key,
        form.wanted(),
        actor=actor,
        at=clock.now(),
        part=rotation.part,
        over=rotation.over,
        layer=rotation.layer,
    )
    return _("%(rotation)s is changed from now on.") % {"rotation": rotation} if changed else _("Nothing changed.")


def _retire(actor: User, rotation: Rotation, _form: ActForm) -> str:
    plans.retire_rotation(rotation, actor=actor, at=clock.now())
    return _("%(rotation)s is retired.") % {"rotation": rotation}


@admin.register(Rotation)
class RotationAdmin(ReadOnlyAdmin):
    """Rotations are changed by acts, each a new version; the schedule shows what follows from them."""

    list_display = ("key", "system", "part_words", "now_on_call", "rule", "state_badge")
    list_filter = (("system", PickFilter), "part")
    list_select_related = ("system", "over")
    search_fields = ("key",)
    narrow_columns = ("key", "system", "now_on_call")
    fields = ("system", "key", "part_words", "over", "layer", "rule", "order", "now_on_call", "state_badge")
    empty_title = gettext_lazy("There is no rotation yet")
    empty_why = gettext_lazy("Until there is one, the desk roles named for each part are on call.")
    acts = (
        Act(
            "edit",
            gettext_lazy("Change"),
            plans.EDIT,
            _edit,
            form=PlanForm,
            initial=plan_values,
            consequence=gettext_lazy("The version in force ends now and a new one begins. The past stays on record."),
        ),
        Act(
            "retire",
            gettext_lazy("Retire"),
            plans.EDIT,
            _retire,
            consequence=gettext_lazy(
                "It ends now. Its part of the duty falls to the person or desk role named for it."
            ),
            tone=Tone.DANGER,
            available=lambda rotation: rotation.retired_at is None,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).has_perm("incidents.add_rotation")

    def label(self, obj: Any) -> str:
        return feeds.words(obj)

    @admin.display(description=gettext_lazy("part"))
    def part_words(self, obj: Rotation) -> str:
        return str(OnCallPart(obj.part).label) if obj.part else _("none")

    @admin.display(description=gettext_lazy("on call now"))
    def now_on_call(self, obj: Rotation) -> str:
        return person_name(who(obj, clock.now()))

    @admin.display(description=gettext_lazy("rule"))
    def rule(self, obj: Rotation) -> str:
        wanted = plans.wanted_of(obj)
        if wanted is None:
            return _("retired")
        said = {"every": wanted.every, "at": f"{wanted.handoff:%H:%M}", "zone": wanted.zone, "day": wanted.start}
        return _("every %(every)s at %(at)s (%(zone)s), from %(day)s") % said

    @admin.display(description=gettext_lazy("order"))
    def order(self, obj: Rotation) -> str:
        wanted = plans.wanted_of(obj)
        return ", ".join(wanted.people) if wanted else ""

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: Rotation) -> Any:
        return badge(_("retired"), Tone.NEUTRAL) if obj.retired_at else badge(_("in use"), Tone.OK)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.schedule_view)
        return [path("schedule/", view, name="incidents_rotation_schedule"), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def perform(form: NewRotationForm) -> str:
            values = form.cleaned_data
            row, _changed = plans.put_rotation(
                values["system"],
                values["key"],
                form.wanted(),
                actor=acting_user(request),
                at=clock.now(),
                part=values["part"],
                over=values["over"],
                layer=values["layer"] or 0,
            )
            return _("%(rotation)s is in force.") % {"rotation": row}

        label = _("Add a rotation")
        back = reverse(self.url_name("changelist"))
        first = {"zone": acting_user(request).zone, "handoff": "09:00", "start": timezone.localdate()}
        return act_page(
            self, request, NewRotationForm, perform, title=label, submit_label=label, back=back, initial=first
        )

    def schedule_view(self, request: HttpRequest) -> HttpResponse:
        """Four weeks of all rotations as tables, what is wrong with them, and the ways to change them."""
        user, now = acting_user(request), clock.now()
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = Rotation.objects.filter(over=None, retired_at=None).select_related("system")
        acts = [
            {"label": label, "url": reverse(f"admin:{name}")}
            for label, name, permission in SCHEDULE_ACTS
            if user.has_perm(permission)
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": _("On-call schedule"),
            "opts": self.opts,
            "rotations": [_drawn(row, now, user) for row in rows],
            "findings": look_ahead(now),
            "acts": acts,
            "zone": user.zone,
        }
        return TemplateResponse(request, "incidents/schedule.html", context)


SCHEDULE_ACTS = (
    (gettext_lazy("Enter a shift"), "incidents_oncallshift_add", "incidents.add_oncallshift"),
    (gettext_lazy("Enter leave"), "incidents_leave_add", "incidents.add_leave"),
    (gettext_lazy("Offer a shift"), "incidents_shiftswap_add", "incidents.add_shiftswap"),
    (gettext_lazy("Write a hand-over note"), "incidents_handovernote_add", "incidents.add_handovernote"),
    (gettext_lazy("Show it in my calendar"), "incidents_calendarfeed_add", "incidents.add_calendarfeed"),
    (gettext_lazy("Add a rotation"), "incidents_rotation_add", "incidents.add_rotation"),
)


def _drawn(rotation: Rotation, now: datetime, user: User) -> dict[str, Any]:
    """One rotation as weeks of seven days, in the reader's time zone."""
    place = ZoneInfo(user.zone)
    today = now.astimezone(place).date()
    monday = today - timedelta(days=today.weekday())
    days = [monday + timedelta(days=count) for count in range(WEEKS * 7)]
    edges = [datetime(day.year, day.month, day.day, tzinfo=place) for day in (*days, days[-1] + timedelta(days=1))]
    told = shifts(rotation, edges[0], edges[-1])
    cells = [
        {
            "day": day,
            "today": day == today,
            "lines": [_line(shift, opens, place) for shift in told if shift.start < closes and shift.end > opens],
        }
        for day, opens, closes in zip(days, edges[:-1], edges[1:], strict=True)
    ]
    current = next((shift for shift in told if shift.start <= now < shift.end), None)
    held = current.person if current else None
    following = next((shift for shift in told if shift.start > now and shift.person not in (None, held)), None)
    ends = next((shift for shift in told if shift.start > now and shift.person != held), None)
    return {
        "row": rotation,
        "name": feeds.words(rotation),
        "url": reverse("admin:incidents_rotation_change", args=[rotation.pk]),
        "now": person_name(held),
        "until": ends.start if current and ends else None,
        "next": person_name(following.person) if following else "",
        "weeks": [cells[start : start + 7] for start in range(0, len(cells), 7)],
    }


def _line(shift: Shift, opens: datetime, place: ZoneInfo) -> dict[str, Any]:
    """One name in a day, with the time when it begins inside it."""
    stands_in = shift.planned is not None and shift.person is not None and shift.planned != shift.person
    return {
        "who": person_name(shift.person),
        "nobody": shift.person is None,
        "from": f"{shift.start.astimezone(place):%H:%M}" if shift.start > opens else "",
        "why": _("by hand")
        if shift.source == ShiftSource.OVERRIDE
        else _("for %(who)s") % {"who": person_name(shift.planned)}
        if stands_in
        else "",
    }


# --- notes ---------------------------------------------------------------------------------------------------------------


def _read(actor: User, note: HandOverNote, _form: ActForm) -> str:
    handover.read_note(note, actor=actor, at=clock.now())
    return _("It is marked as read.")


@admin.register(HandOverNote)
class HandOverNoteAdmin(ReadOnlyAdmin):
    list_display = ("written_at", "rotation", "author", "read_by", "read_at")
    list_select_related = ("rotation__system", "author", "read_by")
    fields = ("rotation", "text", "author", "written_at", "read_by", "read_at")
    empty_title = gettext_lazy("No hand-over note yet")
    empty_why = gettext_lazy("Whoever hands over is asked for one; the next one finds it on the first page.")
    acts = (
        Act(
            "read",
            gettext_lazy("I have read it"),
            "incidents.change_handovernote",
            _read,
            available=lambda note: note.read_at is None,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).has_perm("incidents.add_handovernote")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def perform(form: NoteForm) -> str:
            handover.write_note(**form.cleaned_data, actor=acting_user(request), at=clock.now())
            return _("The next one on call finds your note on the first page.")

        label = _("Write a hand-over note")
        return act_page(
            self,
            request,
            NoteForm,
            perform,
            title=label,
            submit_label=_("Keep the note"),
            back=reverse("admin:incidents_rotation_schedule"),
            initial={"rotation": request.GET.get("rotation", "")},
        )


# --- calendars -----------------------------------------------------------------------------------------------------------


def _revoke(actor: User, feed: CalendarFeed, _form: ActForm) -> str:
    feeds.revoke_feed(feed, actor=actor, at=clock.now())
    return _("Calendars get nothing from this address any more.")


@admin.register(CalendarFeed)
class CalendarFeedAdmin(ReadOnlyAdmin):
    """Addresses are shown once when they are made, and revoked rather than deleted."""

    list_display = ("prefix", "shows", "owner", "state_badge", "last_read_at")
    list_select_related = ("owner", "rotation__system")
    fields = ("prefix", "shows", "owner", "state_badge", "created_at", "last_read_at", "revoked_at")
    empty_title = gettext_lazy("No calendar reads your shifts")
    empty_why = gettext_lazy("Make an address and subscribe to it in your calendar.")
    acts = (
        Act(
            "revoke",
            gettext_lazy("Revoke"),
            "incidents.change_calendarfeed",
            _revoke,
            consequence=gettext_lazy(
                "Calendars that read this address find nothing any more. It cannot be taken back."
            ),
            tone=Tone.DANGER,
            available=lambda feed: feed.revoked_at is None,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).has_perm("incidents.add_calendarfeed")

    @admin.display(description=gettext_lazy("shows"))
    def shows(self, obj: CalendarFeed) -> str:
        return feeds.words(obj.rotation) if obj.rotation else _("the owner's own shifts")

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: CalendarFeed) -> Any:
        return badge(_("revoked"), Tone.NEUTRAL) if obj.revoked_at else badge(_("works"), Tone.OK)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def perform(form: FeedForm) -> Secret:
            url = feeds.create_feed(acting_user(request), rotation=form.cleaned_data["rotation"], at=clock.now())
            told = _("Subscribe to it in your calendar. It is shown this once; who has it sees the names on duty.")
            return Secret(_("The address of your calendar"), told, url)

        label = _("Make a calendar address")
        back = reverse(self.url_name("changelist"))
        return act_page(self, request, FeedForm, perform, title=label, submit_label=label, back=back)


@admin.register(ShiftRecord)
class ShiftRecordAdmin(ReadOnlyAdmin):
    list_display = ("starts_at", "rotation", "person_mark", "source")
    list_filter = (("rotation", PickFilter),)
    list_select_related = ("rotation__system", "person")
    empty_title = gettext_lazy("Nothing is on record yet")
    empty_why = gettext_lazy("Each change of duty is written down when it happens.")

    @admin.display(description=gettext_lazy("on call"))
    def person_mark(self, obj: ShiftRecord) -> Any:
        return person_name(obj.person) if obj.person else Mark(_("nobody"), str(Tone.DANGER))


def declare_navigation() -> None:
    """Put on-call into the side bar."""
    register_group(ONCALL, gettext_lazy("On call"))
    lines = (
        (gettext_lazy("Schedule"), "rotation_schedule", "view_rotation", "calendar_month"),
        (gettext_lazy("Rotations"), "rotation_changelist", "view_rotation", "autorenew"),
        *PAGES,
        (gettext_lazy("Hand-over notes"), "handovernote_changelist", "view_handovernote", "sticky_note_2"),
        (gettext_lazy("Calendars"), "calendarfeed_changelist", "view_calendarfeed", "rss_feed"),
        (gettext_lazy("On record"), "shiftrecord_changelist", "view_shiftrecord", "history"),
    )
    for order, (title, view, permission, icon) in enumerate(lines, start=1):
        register_line(ONCALL, Line(title, f"admin:incidents_{view}", f"incidents.{permission}", icon, order * 10))
