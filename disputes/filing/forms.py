"""The form to contest an assessment: one page, no account, no script."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from config.casework.files.forms import MOST_FILES, AttachmentsField
from config.casework.front.forms import PublicForm
from disputes.choices import Circumstance, Point

LONGEST = 20_000
KEPT = "kept"
FILES_HINT = _("Screenshots or documents, if you like. PDF, PNG or JPG, at most 50 MB each, at most five.")


class KeptInput(forms.HiddenInput):
    """Carries the signed key of files that were kept; what was posted in it is never drawn again."""

    token = ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        return (
            format_html('<input type="hidden" name="{}" value="{}">', name, self.token)
            if self.token
            else SafeString("")
        )


class DisputeForm(PublicForm):
    """By the link of the notice: nothing has to be typed, all of it may stay empty."""

    points = forms.MultipleChoiceField(
        label=_("What do you contest?"),
        choices=Point.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    statement = forms.CharField(
        label=_("How was it, in your own words?"),
        help_text=_("As short or as long as you like. The person who decides reads this first, before any score."),
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 8}),
    )
    circumstances = forms.MultipleChoiceField(
        label=_("Did any of this apply?"),
        help_text=_("You need not say, give a diagnosis or prove anything. Only the person who reviews your case sees it; the employer never does. We delete it when the time for an appeal is over."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    files = AttachmentsField(label=_("Files"), required=False, help_text=FILES_HINT)  # type: ignore[assignment]  # as the contract names it
    kept = forms.CharField(required=False, widget=KeptInput)

    def __init__(self, *args: Any, circumstances: dict[str, str] | None = None, kept: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept_files = kept
        field = self.fields["circumstances"]
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = list((circumstances or known_circumstances()).items())
        if kept:
            self.fields["files"].help_text = _("Your files from before are kept. Add more if you like.")

    def carry_kept(self, token: str) -> None:
        """Take along the key of files that were kept."""
        widget = KeptInput()
        widget.token = token
        self.fields["kept"].widget = widget

    def clean_files(self) -> list[Any]:
        files: list[Any] = self.cleaned_data["files"]
        if len(files) + self.kept_files > MOST_FILES:
            raise ValidationError(_("Send at most %(most)d files.") % {"most": MOST_FILES})
        return files


class ReferenceForm(DisputeForm):
    """Without the link: the reference, and a mail that confirms it."""

    field_order = ("reference", "email", "points", "statement", "circumstances", "files")

    reference = forms.CharField(
        label=_("Reference of the assessment"),
        help_text=_("It stands in the mail that told you about it, and on your page at the employer."),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        label=_("Your mail address"),
        help_text=_("The one you used in the application. We send you a link to confirm."),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


def known_circumstances() -> dict[str, str]:
    """The circumstances that are asked for where a runbook file names none."""
    return {str(value): str(label) for value, label in Circumstance.choices}
