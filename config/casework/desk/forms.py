"""The forms of single acts: what a step demands and allows, when it happened, and why."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from config.casework.cases.choices import RedactionReason
from config.casework.files.forms import AttachmentsField
from config.casework.transitions import Transition

type Pick = Callable[[Any], forms.Field | None]
"""Makes the form field of a key to another table."""

MOMENT_FORMAT = "%Y-%m-%dT%H:%M"


class MomentInput(forms.DateTimeInput):
    """Day and time in one native field."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format=MOMENT_FORMAT)


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class ActForm(forms.Form):
    """A form that is the only thing on its page; errors a service raises find their field."""

    use_required_attribute = False

    def take_errors(self, error: ValidationError) -> None:
        """Show what a service refused at the field it names, else on top."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for name, errors in error.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)


class StepForm(ActForm):
    """The form of one step; `version` is the state of the row that the person saw."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def renew_version(self, version: int | None) -> None:
        """Let the person repeat the step on what they see now."""
        data = cast("QueryDict", self.data).copy()
        data["version"] = "" if version is None else str(version)
        self.data = data


def step_form(model: type[models.Model], transition: Transition, pick: Pick) -> type[StepForm]:
    """The form of a step: its demanded and optional fields, the true time when it takes one, and the reason.

    Args:
        pick: makes the fields of keys to other tables.
    """
    fields = model_fields(model, (*transition.fields, *transition.optional), demanded=transition.fields, pick=pick)
    if transition.takes_time:
        fields["at"] = forms.DateTimeField(
            label=_("When it happened"),
            help_text=_("Your own time. Leave it empty for now."),
            required=False,
            widget=MomentInput,
        )
    fields["reason"] = forms.CharField(
        label=_("Note"),
        help_text=_("Stays in the timeline."),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    return type("StepForm", (StepForm,), fields)


def model_fields(
    model: type[models.Model], names: Iterable[str], *, demanded: Iterable[str], pick: Pick
) -> dict[str, forms.Field]:
    """Form fields for columns of a model, native inputs for times, pickers for keys."""
    demanded = frozenset(demanded)
    fields: dict[str, forms.Field] = {}
    for name in dict.fromkeys(names):
        column = model._meta.get_field(name)
        if not column.editable and name not in demanded:
            continue  # the machine's own optional columns are not for people
        field = _form_field(column, pick)
        if field is None:
            continue
        field.required = name in demanded and not isinstance(field, forms.BooleanField)
        fields[name] = field
    return fields


def _form_field(column: Any, pick: Pick) -> forms.Field | None:
    field: forms.Field | None
    if column.is_relation:
        field = pick(column)
    elif isinstance(column, models.DateTimeField):
        field = column.formfield(widget=MomentInput)
    elif isinstance(column, models.DateField):
        field = column.formfield(widget=DayInput)
    else:
        field = column.formfield()
    if field is not None and isinstance(field.widget, forms.Textarea):
        field.widget.attrs.setdefault("rows", 4)
    return field


def given_values(form: forms.Form, obj: models.Model, transition: Transition) -> Mapping[str, Any]:
    """The columns of a step whose value differs from what the row holds."""
    names = (name for name in (*transition.fields, *transition.optional) if name in form.cleaned_data)
    return {name: form.cleaned_data[name] for name in names if form.cleaned_data[name] != getattr(obj, name)}


class NoteForm(ActForm):
    """A remark on a case."""

    text = forms.CharField(label=_("Note"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 3}))
    at = forms.DateTimeField(
        label=_("When it was"),
        help_text=_("Your own time. Leave it empty for now."),
        required=False,
        widget=MomentInput,
    )


class FilesForm(ActForm):
    """Files for a case."""

    uploads = AttachmentsField(label=_("Files"))


class RedactForm(ActForm):
    """A passage that must not stand anywhere."""

    passage = forms.CharField(
        label=_("Passage"),
        help_text=_("Word for word. Capital letters and line breaks do not matter."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    reason = forms.ChoiceField(label=_("Why"), choices=RedactionReason.choices)


class RedactFileForm(ActForm):
    """Why a file must go."""

    reason = forms.ChoiceField(label=_("Why"), choices=RedactionReason.choices)
