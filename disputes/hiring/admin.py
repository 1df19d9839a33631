"""Hiring decisions, what the guard refused, and the proxy watch in the admin."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.html import linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.acts import Act
from config.casework.desk.base import ReadOnlyAdmin, acting_user
from config.casework.desk.display import badge, choice_badge
from config.casework.desk.exchange import DeskImportExportAdmin
from config.casework.desk.filters import DateRangeFilter, PickFilter
from config.casework.desk.forms import ActForm
from config.casework.transitions import Refused
from disputes.assessments.models import Assessment
from disputes.assessments.snapshots import AHEAD
from disputes.assessments.tables import Row, find_named
from disputes.hiring.choices import Decision, Door
from disputes.hiring.models import HiringDecision, ProxyFinding, RefusedAttempt
from disputes.hiring.services import judge, log_refusal, record_decision
from disputes.hiring.watch import ANSWER, close_finding, hide_labels, send_letter

_refused: ContextVar[list[tuple[Assessment, list[str]]] | None] = ContextVar("hiring_refused", default=None)


@admin.register(HiringDecision)
class HiringDecisionAdmin(DeskImportExportAdmin, ReadOnlyAdmin):
    """What employers decided. A table goes through the same guard as the API; its refused rows are logged."""

    list_display = ("name", "decision_badge", "reason_words", "organization", "job_ref", "decided_at")
    narrow_columns = ("name", "decision_badge", "decided_at")
    list_filter = ("decision", "door", ("organization", PickFilter), ("decided_at", DateRangeFilter))
    list_select_related = ("assessment", "organization")
    ordering = ("-decided_at", "-pk")
    fields = (
        "assessment",
        "organization",
        "job_ref",
        "decision",
        "reason_words",
        "label_seen_at",
        "door",
        "decided_at",
    )
    import_fields = ("assessment", "decision", "reasons", "label_seen_at", "decided_at")
    export_fields = ("assessment__external_id", "organization__key", "job_ref", "decision", "reasons", "decided_at")
    empty_title = gettext_lazy("No decisions yet")
    empty_why = gettext_lazy("The platform asks before each decision; what it decides is kept here.")

    @admin.display(description=gettext_lazy("assessment"))
    def name(self, obj: HiringDecision) -> str:
        return obj.assessment.external_id

    @admin.display(description=gettext_lazy("decision"))
    def decision_badge(self, obj: HiringDecision) -> SafeString:
        return choice_badge(obj, "decision")

    @admin.display(description=gettext_lazy("reasons"))
    def reason_words(self, obj: HiringDecision) -> str:
        return ", ".join(obj.reasons)

    def apply_row(self, row: Mapping[str, Any], *, actor: User) -> tuple[models.Model, bool]:
        cells = Row(row)
        assessment = find_named(cells.text("assessment"))
        now, reasons = clock.now(), cells.texts("reasons")
        decided_at, seen_at = cells.moment("decided_at") or now, cells.moment("label_seen_at")
        if cells.text("decision") not in Decision.values:
            cells.errors["decision"] = _("Write reject or advance.")
        if decided_at > now + AHEAD:
            cells.errors["decided_at"] = _("This time lies more than 5 minutes in the future.")
        cells.refuse()
        decision = Decision(cells.text("decision"))
        known = HiringDecision.objects.filter(assessment=assessment).exists()
        try:
            kept = record_decision(
                assessment, decision, reasons, actor=actor, at=decided_at, door=Door.IMPORT, label_seen_at=seen_at
            )
        except Refused as error:
            waiting = _refused.get()
            if waiting is not None:
                waiting.append((assessment, list(reasons)))
            raise ValidationError({"reasons": str(error)}) from error
        return kept, not known

    def import_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with _logged_refusals(acting_user(request)):
            response: HttpResponse = super().import_action(request, *args, **kwargs)
        return response


@contextmanager
def _logged_refusals(actor: User) -> Iterator[None]:
    """The first look at a table is rolled back whole; its refusals are logged after it."""
    waiting: list[tuple[Assessment, list[str]]] = []
    token = _refused.set(waiting)
    try:
        yield
    finally:
        _refused.reset(token)
        now = clock.now()
        for assessment, reasons in waiting:
            code = judge(assessment, reasons, at=now).code
            log_refusal(assessment, reasons, code, actor=actor, at=now, door=Door.IMPORT)


@admin.register(RefusedAttempt)
class RefusedAttemptAdmin(ReadOnlyAdmin):
    """Rejections that the guard did not let through; the CEO gets their number each week."""

    list_display = ("at", "why_badge", "organization", "job_ref", "door", "name")
    narrow_columns = ("at", "why_badge", "organization")
    list_filter = ("why", "door", ("organization", PickFilter), ("at", DateRangeFilter))
    list_select_related = ("organization", "assessment")
    ordering = ("-at", "-pk")
    fields = ("assessment", "organization", "job_ref", "reason_words", "why", "door", "at")
    empty_title = gettext_lazy("Nothing was refused")
    empty_why = gettext_lazy("Rejections that rest on authenticity alone would stand here.")

    @admin.display(description=gettext_lazy("why"))
    def why_badge(self, obj: RefusedAttempt) -> SafeString:
        return choice_badge(obj, "why")

    @admin.display(description=gettext_lazy("assessment"))
    def name(self, obj: RefusedAttempt) -> str:
        return obj.assessment.external_id

    @admin.display(description=gettext_lazy("reasons"))
    def reason_words(self, obj: RefusedAttempt) -> str:
        return ", ".join(obj.reasons)


class LetterForm(ActForm):
    to = forms.EmailField(label=gettext_lazy("To"))
    text = forms.CharField(label=gettext_lazy("Letter"), max_length=10_000, widget=forms.Textarea(attrs={"rows": 14}))


class HideForm(ActForm):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300)


def _send(actor: User, finding: ProxyFinding, form: LetterForm) -> str:
    values = form.cleaned_data
    send_letter(finding, text=values["text"], to=values["to"], actor=actor, at=clock.now())
    return _("The letter is on its way.")


def _hide(actor: User, finding: ProxyFinding, form: HideForm) -> str:
    reason = form.cleaned_data["reason"]
    hide_labels(finding.organization, system=finding.system, reason=reason, actor=actor, at=clock.now())
    return _("%(name)s sees no labels from now on.") % {"name": finding.organization.name}


def _close(actor: User, finding: ProxyFinding, _form: ActForm) -> str:
    close_finding(finding, actor=actor, at=clock.now())
    return _("The finding is closed.")


@admin.register(ProxyFinding)
class ProxyFindingAdmin(ReadOnlyAdmin):
    """Labels that may decide in secret, with the letter prepared and the switch at hand (SC-42)."""

    list_display = ("organization", "job_ref", "seen_words", "unseen_words", "state_badge", "found_at")
    narrow_columns = ("organization", "seen_words", "state_badge")
    list_filter = (("organization", PickFilter), ("found_at", DateRangeFilter))
    list_select_related = ("organization",)
    ordering = ("-found_at", "-pk")
    fields = (
        "organization",
        "system",
        "job_ref",
        "seen_words",
        "unseen_words",
        "incident",
        "letter_to",
        "letter_words",
        "letter_sent_at",
        "found_at",
        "closed_at",
    )
    empty_title = gettext_lazy("Nothing stands out")
    empty_why = gettext_lazy("An employer stands here when those whose label was seen are rejected far more often.")
    acts = (
        Act(
            "letter",
            gettext_lazy("Send the letter"),
            ANSWER,
            _send,
            form=LetterForm,
            initial=lambda finding: {"to": finding.letter_to, "text": finding.letter},
            consequence=gettext_lazy("The employer gets the letter as it stands here. Read it before you send it."),
            available=lambda finding: finding.letter_sent_at is None,
        ),
        Act(
            "hide",
            gettext_lazy("Hide labels from them"),
            ANSWER,
            _hide,
            form=HideForm,
            consequence=gettext_lazy("They see no label of this system until somebody shows them again."),
            tone=Tone.WARN,
            available=lambda finding: finding.closed_at is None,
        ),
        Act(
            "close",
            gettext_lazy("Close the finding"),
            ANSWER,
            _close,
            consequence=gettext_lazy("The same gap with new decisions opens a new one."),
            tone=Tone.NEUTRAL,
            available=lambda finding: finding.closed_at is None,
        ),
    )

    @admin.display(description=gettext_lazy("letter to the employer"))
    def letter_words(self, obj: ProxyFinding) -> SafeString:
        return mark_safe(linebreaks(obj.letter, autoescape=True))  # noqa: S308 - linebreaks escapes

    @admin.display(description=gettext_lazy("label seen, rejected"))
    def seen_words(self, obj: ProxyFinding) -> str:
        return _("%(n)d of %(all)d") % {"n": obj.seen_rejected, "all": obj.seen}

    @admin.display(description=gettext_lazy("others, rejected"))
    def unseen_words(self, obj: ProxyFinding) -> str:
        return _("%(n)d of %(all)d") % {"n": obj.unseen_rejected, "all": obj.unseen}

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: ProxyFinding) -> SafeString:
        if obj.closed_at:
            return badge(_("closed"), Tone.NEUTRAL)
        return badge(_("letter sent"), Tone.INFO) if obj.letter_sent_at else badge(_("waits for the CEO"), Tone.DANGER)
