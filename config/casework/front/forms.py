"""What every public form shares: a trap for robots, and a refusal that keeps what was typed."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

TRAP = "homepage"
DRAFT = "draft"


class TrapInput(forms.TextInput):
    """An input that people neither see nor reach; robots fill it in."""

    @property
    def is_hidden(self) -> bool:
        return True  # the form draws it with its hidden fields: without label, hint and place in the error summary

    def render(self, name: str, value: Any, attrs: Mapping[str, Any] | None = None, renderer: Any = None) -> SafeString:
        return format_html(
            '<div class="visually-hidden" aria-hidden="true"><label>{} '
            '<input type="text" name="{}" value="" tabindex="-1" autocomplete="off"></label></div>',
            _("Leave this empty"),
            name,
        )


class DraftInput(forms.HiddenInput):
    """Carries the sealed earlier pages of a long form; what was posted in it is never drawn again."""

    sealed = ""

    def render(self, name: str, value: Any, attrs: Mapping[str, Any] | None = None, renderer: Any = None) -> SafeString:
        if not self.sealed:
            return SafeString("")
        return format_html('<input type="hidden" name="{}" value="{}">', name, self.sealed)


class PublicForm(forms.Form):
    """Base of all public forms. Labels stand above, hints below them; nothing depends on a script."""

    use_required_attribute = False  # the page lists what is missing in our words; browsers show one thing at a time

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[TRAP] = forms.CharField(required=False, widget=TrapInput)
        self.fields[DRAFT] = forms.CharField(required=False, widget=DraftInput)

    @property
    def values(self) -> dict[str, Any]:
        """The cleaned values that people typed."""
        return {name: value for name, value in self.cleaned_data.items() if name not in {TRAP, DRAFT}}

    def carry(self, sealed: str) -> None:
        """Take along the sealed earlier pages."""
        self.fields[DRAFT].widget = DraftInput()
        self.fields[DRAFT].widget.sealed = sealed

    @property
    def is_trapped(self) -> bool:
        """True when only a robot can have sent this."""
        return bool(str(self.data.get(self.add_prefix(TRAP), "")).strip())

    def refuse(self, message: str) -> None:
        """Show the form as it was sent, unjudged, with this one message on top."""
        self._errors = ErrorDict()
        self.cleaned_data: dict[str, Any] = {}
        self.add_error(None, ValidationError(message))
