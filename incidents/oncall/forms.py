"""The forms of on-call."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework.access.models import User
from config.casework.catalogue.models import WEEKDAYS, System
from config.casework.desk.base import LabelledChoiceField
from config.casework.desk.forms import ActForm, DayInput, MomentInput
from incidents.oncall.choices import OnCallPart
from incidents.oncall.models import Rotation
from incidents.oncall.plans import Wanted, wanted_of

DAY_NAMES = tuple(
    zip(
        WEEKDAYS,
        (
            gettext_lazy("Monday"),
            gettext_lazy("Tuesday"),
            gettext_lazy("Wednesday"),
            gettext_lazy("Thursday"),
            gettext_lazy("Friday"),
            gettext_lazy("Saturday"),
            gettext_lazy("Sunday"),
        ),
        strict=True,
    )
)
HOURS_LINE = re.compile(r"(?P<day>[a-z]{3})[a-z]*\s+(?P<opens>\d\d:\d\d)\s*-\s*(?P<closes>\d\d:\d\d)", re.IGNORECASE)


class PersonField(LabelledChoiceField):
    """Somebody who works at the desk, by name."""

    def __init__(self, **options: Any) -> None:
        people = User.objects.filter(is_staff=True, is_active=True).order_by("name", "email")
        super().__init__(queryset=people, **options)

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.get_full_name())


def rotation_field(*, required: bool = True, empty: Any = "---------") -> LabelledChoiceField:
    rows = Rotation.objects.filter(retired_at=None, over=None).select_related("system")
    return LabelledChoiceField(queryset=rows, label=gettext_lazy("Rotation"), required=required, empty_label=str(empty))


class PlanForm(ActForm):
    """How a rotation hands over, and who takes turns in which order."""

    zone = forms.CharField(
        label=gettext_lazy("Time zone"), max_length=60, help_text=gettext_lazy("Such as Europe/Berlin or UTC.")
    )
    handoff = forms.TimeField(
        label=gettext_lazy("Hand-over at"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    every = forms.CharField(
        label=gettext_lazy("Length of a turn"),
        max_length=20,
        initial="P7D",
        help_text=gettext_lazy("P7D is a week, P1D a day, PT12H twelve hours, P1M a month."),
    )
    weekday = forms.ChoiceField(
        label=gettext_lazy("Day of the hand-over"),
        choices=[("", gettext_lazy("as the first day")), *DAY_NAMES],
        required=False,
        help_text=gettext_lazy("For turns of whole weeks only."),
    )
    start = forms.DateField(
        label=gettext_lazy("First day"),
        widget=DayInput(),
        help_text=gettext_lazy("The first turn begins with the first hand-over on or after this day."),
    )
    people = forms.CharField(
        label=gettext_lazy("People"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("One mail address a line, in the order of their turns."),
    )
    hours = forms.CharField(
        label=gettext_lazy("Only in these hours"),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        help_text=gettext_lazy("One a line, such as mon 09:00-17:00; 00:00 ends a day. Empty: always."),
    )

    def clean_hours(self) -> dict[str, list[list[str]]] | None:
        found: dict[str, list[list[str]]] = {}
        for line in self.cleaned_data["hours"].splitlines():
            if not line.strip():
                continue
            told = HOURS_LINE.fullmatch(line.strip())
            if told is None or told["day"].lower() not in WEEKDAYS:
                raise ValidationError(_("Write “%(line)s” as mon 09:00-17:00.") % {"line": line.strip()})
            found.setdefault(told["day"].lower(), []).append([told["opens"], told["closes"]])
        return found or None

    def wanted(self) -> Wanted:
        """What was asked for."""
        values = self.cleaned_data
        return Wanted(
            zone=values["zone"],
            handoff=values["handoff"],
            every=values["every"],
            start=values["start"],
            people=tuple(values["people"].split()),
            weekday=WEEKDAYS.index(values["weekday"]) if values["weekday"] else None,
            hours=values["hours"],
        )


def plan_values(rotation: Rotation) -> Mapping[str, Any]:
    """What the form of a rotation starts with."""
    wanted = wanted_of(rotation)
    if wanted is None:
        return {}
    spans = [f"{day} {opens}-{closes}" for day, some in (wanted.hours or {}).items() for opens, closes in some]
    return {
        "zone": wanted.zone,
        "handoff": wanted.handoff,
        "every": wanted.every,
        "weekday": "" if wanted.weekday is None else WEEKDAYS[wanted.weekday],
        "start": wanted.start,
        "people": "\n".join(wanted.people),
        "hours": "\n".join(spans),
    }


class NewRotationForm(PlanForm):
    """A rotation that does not exist yet."""

    field_order = ("system", "key", "part", "over", "layer")
    system = LabelledChoiceField(queryset=System.objects.order_by("name"), label=gettext_lazy("System"))
    key = forms.RegexField(
        regex=r"^[A-Za-z][A-Za-z0-9_-]{0,79}$", label=gettext_lazy("Key"), help_text=gettext_lazy("Such as primary.")
    )
    part = forms.ChoiceField(
        label=gettext_lazy("Part of the duty"),
        choices=[("", gettext_lazy("none")), *OnCallPart.choices],
        required=False,
    )
    over = LabelledChoiceField(
        queryset=Rotation.objects.filter(retired_at=None, over=None).select_related("system"),
        label=gettext_lazy("A layer upon"),
        required=False,
        help_text=gettext_lazy("In its hours it beats that rotation."),
    )
    layer = forms.IntegerField(
        label=gettext_lazy("Strength of the layer"), min_value=0, max_value=99, initial=0, required=False
    )


class ShiftForm(ActForm):
    """Somebody is on call for a time, whatever the rotation says."""

    rotation = rotation_field()
    person = PersonField(label=gettext_lazy("Person"))
    starts_at = forms.DateTimeField(label=gettext_lazy("From"), widget=MomentInput())
    ends_at = forms.DateTimeField(label=gettext_lazy("Until"), widget=MomentInput())


class LeaveForm(ActForm):
    """Somebody is away."""

    person = PersonField(label=gettext_lazy("Person"))
    starts_at = forms.DateTimeField(label=gettext_lazy("From"), widget=MomentInput())
    ends_at = forms.DateTimeField(label=gettext_lazy("Until"), widget=MomentInput())


class OfferForm(ActForm):
    """A time of duty one would like to give away."""

    rotation = rotation_field()
    starts_at = forms.DateTimeField(label=gettext_lazy("From"), widget=MomentInput())
    ends_at = forms.DateTimeField(label=gettext_lazy("Until"), widget=MomentInput())


class NoteForm(ActForm):
    """What the next one on call must know."""

    rotation = rotation_field()
    text = forms.CharField(
        label=gettext_lazy("What the next one must know"), max_length=5_000, widget=forms.Textarea(attrs={"rows": 8})
    )


class FeedForm(ActForm):
    """Which shifts a calendar shall show."""

    rotation = rotation_field(required=False, empty=gettext_lazy("my own shifts, of all rotations"))
