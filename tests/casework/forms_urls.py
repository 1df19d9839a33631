"""Public forms that exist in the tests alone."""

from typing import Any, ClassVar

from django import forms
from django.urls import path

from config.casework.cases.models import Note
from config.casework.files.forms import AttachmentsField
from config.casework.front.forms import PublicForm
from config.casework.front.limits import Rate
from config.casework.front.views import QUARTER_HOUR, Answer, PublicFormView
from config.urls import urlpatterns as desk_urls
from tests.casework.cases import a_case

ACCEPTED: list[dict[str, Any]] = []


class ContactForm(PublicForm):
    email = forms.EmailField(label="Your email", widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    details = forms.CharField(label="What happened?", widget=forms.Textarea, help_text="As much as you like.")


class ProofForm(PublicForm):
    files = AttachmentsField(label="Proof", required=False)  # type: ignore[assignment]  # as the contract names it


class ContactView(PublicFormView):
    name = "contact"
    steps: ClassVar[tuple[type[PublicForm], ...]] = (ContactForm,)
    titles: ClassVar[tuple[str, ...]] = ("Write to us",)
    submit_label = "Send it to us"
    what_next = "A person reads it within a day."
    answer = Answer("Thank you", ("If we know this address, a mail is on its way.",))
    address_rates = (Rate(3, QUARTER_HOUR),)

    def accept(self, values: dict[str, Any]) -> Answer | None:
        ACCEPTED.append(values)
        Note.objects.create(
            case=a_case(), at=a_case().received_at, recorded_at=a_case().received_at, text=values["details"]
        )
        return None


class SteppedView(ContactView):
    name = "stepped"
    steps = (ContactForm, ProofForm)
    titles = ("Write to us", "Show us")
    address_rates = (Rate(50, QUARTER_HOUR),)

    def accept(self, values: dict[str, Any]) -> Answer | None:
        ACCEPTED.append(values)
        return self.answer.with_reference("SUP-2026-ABCDEF")


urlpatterns = [
    path("contact/", ContactView.as_view()),
    path("stepped/", SteppedView.as_view()),
    *desk_urls,
]
