"""The dispute desk in the admin: display data; each act calls a service."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.services import record
from config.casework.catalogue.models import System
from config.casework.desk.acts import Act, Secret
from config.casework.desk.base import DeskAdmin, acting_user
from config.casework.desk.casepage import Tab
from config.casework.desk.cases import CaseAdmin
from config.casework.desk.display import Mark, person_name
from config.casework.desk.exchange import DeskImportExportAdmin
from config.casework.desk.inlines import CaseInline
from config.casework.desk.navigation import WORK, Line, register_line
from disputes import deeds
from disputes.choices import DECISIONS
from disputes.decisions.services import decide, note_consequence
from disputes.figures import desk as figures
from disputes.models import Dispute, Explanation, ReportingLine, Reversal, ScoringService, TimeoutSwitch
from disputes.rescoring.services import set_secret
from disputes.review import desk
from disputes.services import rehearse
from disputes.transitions import REVERSAL
from disputes.undecided.services import ask_for_switch

REVIEW = "disputes.review_dispute"


class ReversalInline(CaseInline):
    model = Reversal
    machine = REVERSAL
    tab = "decision"
    label = gettext_lazy("What must be put right")
    fields = ("what", "state", "result", "done_by")
    add_fields = ("what",)
    add_permission = "disputes.add_reversal"
    add_label = gettext_lazy("Note a consequence")
    empty_why = gettext_lazy("The label had no consequence that we know of.")

    def get_rows(self, case: Any) -> Any:
        return super().get_rows(case).select_related("done_by")

    def add(self, case: Dispute, *, actor: Any, at: datetime, **values: Any) -> Reversal:
        return note_consequence(case, actor=actor, at=at, **values)


@admin.register(Dispute)
class DisputeAdmin(DeskImportExportAdmin, CaseAdmin):
    facts = (
        "system", "organization", "received_at", "outcome", "touches_hiring", "decision_due_at", "acknowledged_at", "acknowledged_by",
        "decided_at", "decided_by", "times_out_at", "appeal_until", "appealed_at", "appeal_grounds", "fault_account",
    )  # fmt: skip
    edit_fields = ("owner", "touches_hiring", "restricted")
    add_fields = ("system",)
    consequence = gettext_lazy(
        "A rehearsal on a made-up assessment. Its letters are written and none is sent; its decision ticks the readiness item."
    )
    panels = (ReversalInline,)
    tabs = (
        Tab("review", gettext_lazy("Review"), "disputes/review.html", desk.review_tab, REVIEW),
        Tab(
            "decision", gettext_lazy("Decision"), "disputes/decision.html", desk.decision_tab, "disputes.view_decision"
        ),
        Tab("employer", gettext_lazy("Employer view"), "disputes/employer.html", desk.employer_tab),
        Tab("letters", gettext_lazy("Letters"), "disputes/letters.html", desk.letters_tab, "disputes.view_letter"),
    )
    list_select_related = ("owner",)
    empty_title = gettext_lazy("No dispute is open")
    empty_why = gettext_lazy("Candidates contest a label by the link in their notice. A lead can rehearse one.")
    export_fields = ("reference", "state", "outcome", "received_at", "acknowledged_at", "decided_at", "touches_hiring")
    import_fields = ("reference", "outcome", "reasons")

    def severity(self, obj: Any) -> Mark | None:
        return Mark(_("rehearsal"), "neutral") if obj.is_rehearsal else None

    def people(self, obj: Any) -> list[tuple[str, str]]:
        return [(_("Reviewer"), person_name(obj.acknowledged_by)), (_("Owner"), person_name(obj.owner))]

    def choices_for(self, request: HttpRequest, obj: Any, name: str) -> Any:
        if name == "system":
            return System.objects.order_by("name")
        if name == "owner":
            return User.objects.filter(is_staff=True, is_active=True).order_by("name", "email")
        return super().choices_for(request, obj, name)

    def open_case(self, *, actor: User, at: datetime, **values: Any) -> Dispute:
        return rehearse(values["system"], actor=actor, at=at)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and acting_user(request).has_perm("disputes.lead_dispute")

    def step_view(self, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        """Deciding has a page of its own: it knows what is missing, and who signs."""
        if name == "decide":
            return deeds.page(self, request, self.visible_case(request, object_id), "decide", 0)
        return super().step_view(request, object_id, name)

    def get_urls(self) -> list[Any]:
        return [*figures.urls(self), *deeds.urls(self), *super().get_urls()]

    def apply_row(self, row: Mapping[str, Any], *, actor: User) -> tuple[Any, bool]:
        """A decision from a table goes through the same rules as the button."""
        dispute = Dispute.objects.visible_to(actor).filter(reference=str(row.get("reference", "")).strip()).first()
        if dispute is None:
            raise ValidationError({"reference": _("There is no such dispute.")})
        outcome = str(row.get("outcome", "")).strip()
        if outcome not in DECISIONS:
            raise ValidationError({"outcome": _("Choose one of: label removed, label stays, scored anew.")})
        if not actor.has_perm(REVIEW):
            raise PermissionDenied(_("You decide no disputes."))
        reasons = str(row.get("reasons", ""))
        return decide(dispute, outcome=outcome, reasons=reasons, actor=actor, at=clock.now()), False

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """A refused table leaves a trace: what it tried was rolled back with it."""
        response: HttpResponse = super().import_action(request, **kwargs)
        result = (response.context_data or {}).get("result") if isinstance(response, TemplateResponse) else None
        if result is not None and (result.has_validation_errors() or result.has_errors()):
            record(
                self.model(),
                "dispute.import_refused",
                actor=acting_user(request),
                at=clock.now(),
                detail={"rows": result.total_rows},
            )
        return response


@admin.register(Explanation)
class ExplanationAdmin(CaseAdmin):
    facts = ("system", "organization", "received_at", "language", "question", "reviewed_by", "reviewed_at", "text")
    edit_fields = ("owner",)
    empty_title = gettext_lazy("No explanation is due")
    empty_why = gettext_lazy("Candidates ask for one by the link in their notice.")


@admin.register(ReportingLine)
class ReportingLineAdmin(DeskAdmin):
    list_display = ("person", "superior")
    list_select_related = ("person", "superior")
    may_delete = True
    consequence = gettext_lazy("People of one line do not decide about each other's assessments.")


def _secret(user: User, row: ScoringService, _form: Any) -> Secret:
    value = set_secret(row, actor=user, at=clock.now())
    return Secret(_("The shared secret"), _("Give it to the scoring service. It is shown this once."), value)


@admin.register(ScoringService)
class ScoringServiceAdmin(DeskAdmin):
    list_display = ("system", "url", "is_active")
    list_select_related = ("system",)
    acts = (Act("secret", gettext_lazy("Make a new secret"), "disputes.change_scoringservice", _secret, tone="warn"),)


@admin.register(TimeoutSwitch)
class TimeoutSwitchAdmin(DeskAdmin):
    list_display = ("asked_at", "until", "holds_from", "asked_by")
    list_select_related = ("asked_by",)
    fields = ("incident", "reason", "until", "holds_from", "asked_by")
    readonly_fields = ("holds_from", "asked_by")
    consequence = gettext_lazy(
        "It holds when CEO and CTO have signed, until its date. Labels in review stay hidden all the while."
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm[Any], change: bool) -> None:
        switch = ask_for_switch(
            obj.incident, reason=obj.reason, until=obj.until, actor=acting_user(request), at=clock.now()
        )
        obj.pk, obj.asked_at, obj.asked_by = switch.pk, switch.asked_at, switch.asked_by


def _lines() -> None:
    for order, (title, view, permission, icon) in enumerate(
        (
            (gettext_lazy("Disputes"), "disputes_dispute_changelist", "disputes.view_dispute", "balance"),
            (
                gettext_lazy("Explanations"),
                "disputes_explanation_changelist",
                "disputes.view_explanation",
                "quick_reference_all",
            ),
            (gettext_lazy("Figures of disputes"), "disputes_dispute_figures", "disputes.see_figures", "monitoring"),
        )
    ):
        register_line(WORK, Line(title, f"admin:{view}", permission, icon, 20 + order))


_lines()
