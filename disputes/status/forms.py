"""The small forms of a candidate's own page."""

from django import forms
from django.utils.translation import gettext_lazy as _

from config.casework.files.forms import AttachmentsField
from config.casework.front.forms import PublicForm
from disputes.filing.forms import FILES_HINT, LONGEST
from disputes.status.models import HearingWay


class AddForm(PublicForm):
    statement = forms.CharField(
        label=_("What do you want to add?"),
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    files = AttachmentsField(label=_("Files"), required=False, help_text=FILES_HINT)  # type: ignore[assignment]  # as the form before


class HearingForm(PublicForm):
    way = forms.ChoiceField(
        label=_("How do you want to be heard?"), choices=HearingWay.choices, widget=forms.RadioSelect
    )
    phone = forms.CharField(
        label=_("Your number, for a call"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )
    wishes = forms.CharField(
        label=_("When does it suit you, or what do you want to say?"), required=False, max_length=300
    )

    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        if values.get("way") == HearingWay.CALL and not values.get("phone"):
            self.add_error("phone", _("We need a number to call you."))
        return values


class AppealForm(PublicForm):
    grounds = forms.CharField(
        label=_("What do you see differently?"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 5})
    )


class EndForm(PublicForm):
    sure = forms.BooleanField(label=_("Yes, end it. The label is shown again as before."))
