"""Assessments in the admin: read, import, and who was shown what. Every look is in the trail (DSP-16)."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.services import pseudonym, record
from config.casework.choices import Tone
from config.casework.desk.acts import Act
from config.casework.desk.base import DeskTabularInline, ReadOnlyAdmin, acting_user
from config.casework.desk.display import badge, choice_badge, person_name
from config.casework.desk.exchange import DeskImportExportAdmin
from config.casework.desk.filters import DateRangeFilter, PickFilter
from config.casework.desk.forms import ActForm
from config.casework.desk.versioned import RecordedAdmin
from disputes.assessments.choices import UNTOLD, Intake, Standing
from disputes.assessments.models import Assessment, AssessmentVersion, EmployerSwitch, LabelView, ScoringVersion
from disputes.assessments.services import put_assessment, subject_of
from disputes.assessments.tables import COLUMNS, read_snapshot
from disputes.hiring.watch import show_labels

SEALED = gettext_lazy("hidden while it is under review")


class UntoldFilter(admin.SimpleListFilter):
    """Labels whose subject was not told: the red figure."""

    title = gettext_lazy("notice")
    parameter_name = "notice"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("untold", _("not told yet"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(notice_state__in=UNTOLD) if self.value() == "untold" else queryset


class LookedAtInline(DeskTabularInline):
    """Rows that nobody enters by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SnapshotInline(LookedAtInline):
    """All results of one assessment. While it is under review the page of the dispute says when they may be seen."""

    model = AssessmentVersion
    fk_name = "assessment"
    verbose_name_plural = gettext_lazy("Results")
    fields = ("number", "kind", "result", "telemetry_words", "model_version", "rules_version", "assessed_at", "intake")
    readonly_fields = ("result", "telemetry_words")

    @admin.display(description=gettext_lazy("result"))
    def result(self, obj: AssessmentVersion) -> str:
        if obj.assessment.standing == Standing.UNDER_REVIEW:
            return str(SEALED)
        return f"{obj.label} ({obj.confidence:.0%}): {', '.join(obj.reason_codes) or '–'}"

    @admin.display(description=gettext_lazy("telemetry"))
    def telemetry_words(self, obj: AssessmentVersion) -> str:
        share = obj.completeness
        gaps = len(obj.telemetry.get("gaps", []))
        return _("not told") if share is None else _("%(share)s, %(n)d gaps") % {"share": f"{share:.0%}", "n": gaps}


class ViewInline(LookedAtInline):
    model = LabelView
    verbose_name_plural = gettext_lazy("Who was shown the label")
    fields = ("viewer", "channel", "first_at", "last_at", "times")


@admin.register(Assessment)
class AssessmentAdmin(DeskImportExportAdmin, ReadOnlyAdmin):
    """Nothing is changed here: results come by the API or a table, the standing moves by disputes."""

    list_display = ("external_id", "standing_badge", "label_shown", "notice_badge", "organization", "assessed_at")
    narrow_columns = ("external_id", "standing_badge", "notice_badge")
    list_filter = (
        "standing",
        UntoldFilter,
        ("organization", PickFilter),
        ("system", PickFilter),
        ("assessed_at", DateRangeFilter),
    )
    list_select_related = ("organization", "system")
    search_fields = ("external_id__exact", "candidate_ref__exact", "candidate_email__exact")
    search_help_text = gettext_lazy("The whole id, candidate reference or mail address.")
    ordering = ("-assessed_at", "-pk")
    inlines = (SnapshotInline, ViewInline)
    fields = (
        "system",
        "external_id",
        "organization",
        "job_ref",
        "candidate_ref",
        "standing_badge",
        "standing_at",
        "review_open_until",
        "label_shown",
        "notice_badge",
        "candidate_informed_at",
        "decision_due_at",
        "assessed_at",
        "received_at",
    )
    import_fields = COLUMNS
    export_fields = (
        "system__key",
        "external_id",
        "organization__key",
        "job_ref",
        "candidate_ref",
        "standing",
        "standing_at",
        "model_version",
        "rules_version",
        "notice_state",
        "candidate_informed_at",
        "decision_due_at",
        "assessed_at",
    )
    empty_title = gettext_lazy("No assessments yet")
    empty_why = gettext_lazy("Scoring systems put them by the API; a table can be imported.")

    def apply_row(self, row: Mapping[str, Any], *, actor: User) -> tuple[models.Model, bool]:
        system, external_id, snapshot = read_snapshot(row)
        put = put_assessment(system, external_id, snapshot, actor=actor, at=clock.now(), intake=Intake.IMPORT)
        return put.assessment, put.created

    @admin.display(description=gettext_lazy("standing"))
    def standing_badge(self, obj: Assessment) -> SafeString:
        return choice_badge(obj, "standing")

    @admin.display(description=gettext_lazy("notice"))
    def notice_badge(self, obj: Assessment) -> SafeString:
        return choice_badge(obj, "notice_state")

    @admin.display(description=gettext_lazy("label"))
    def label_shown(self, obj: Assessment) -> str:
        return str(SEALED) if obj.standing == Standing.UNDER_REVIEW else obj.label

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().change_view(request, object_id, form_url, extra_context)
        seen = self.get_object(request, object_id) if response.status_code == 200 else None
        if seen is not None:
            subject = pseudonym(subject_of(seen))
            record(seen, "assessment.viewed", actor=acting_user(request), at=clock.now(), subject=subject)
        return response


@admin.register(ScoringVersion)
class ScoringVersionAdmin(RecordedAdmin):
    """Which version was active from when on; those the desk has only seen wait to be described."""

    list_display = ("key", "part", "system", "active_from", "declared_badge")
    list_filter = ("part", "declared", ("system", PickFilter))
    list_select_related = ("system",)
    search_fields = ("key",)
    ordering = ("-active_from", "-pk")
    fields = ("system", "part", "key", "active_from", "changes")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("system", "part", "key") if obj else ()

    def save_model(self, request: HttpRequest, obj: ScoringVersion, form: Any, change: bool) -> None:
        obj.declared = True
        super().save_model(request, obj, form, change)

    @admin.display(description=gettext_lazy("register"))
    def declared_badge(self, obj: ScoringVersion) -> SafeString:
        return badge(_("registered"), Tone.OK) if obj.declared else badge(_("seen only"), Tone.WARN)


def _show(actor: User, switch: EmployerSwitch, _form: ActForm) -> str:
    show_labels(switch, actor=actor, at=clock.now())
    return _("Labels are shown again.")


@admin.register(EmployerSwitch)
class EmployerSwitchAdmin(RecordedAdmin):
    """Organisations from which labels are hidden."""

    list_display = ("organization", "system", "reason", "state_badge", "hidden_at", "lifted_at")
    list_select_related = ("organization", "system")
    narrow_columns = ("organization", "state_badge", "hidden_at")
    ordering = ("-hidden_at",)
    fields = ("organization", "system", "reason", "until")
    consequence = gettext_lazy("From now on this organisation sees no label. Decisions go on without it.")
    acts = (
        Act(
            "show",
            gettext_lazy("Show labels again"),
            "disputes.answer_proxyfinding",
            _show,
            consequence=gettext_lazy("The organisation sees labels again from now on."),
            tone=Tone.WARN,
            available=lambda switch: switch.lifted_at is None,
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: EmployerSwitch, form: Any, change: bool) -> None:
        obj.hidden_at, obj.hidden_by = clock.now(), acting_user(request)
        super().save_model(request, obj, form, change)

    @admin.display(description=gettext_lazy("labels"))
    def state_badge(self, obj: EmployerSwitch) -> SafeString:
        over = obj.lifted_at is not None or (obj.until is not None and obj.until <= clock.now())
        return badge(_("shown again"), Tone.NEUTRAL) if over else badge(_("hidden"), Tone.WARN)

    @admin.display(description=gettext_lazy("by"))
    def who(self, obj: EmployerSwitch) -> str:
        return person_name(obj.hidden_by)
