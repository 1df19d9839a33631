"""The register of assessing systems, reviewers' authority and serious incidents in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.choices import Tone
from config.casework.desk.acts import Act, act_page
from config.casework.desk.base import DeskTabularInline, ReadOnlyAdmin, acting_user
from config.casework.desk.display import badge, person_name
from config.casework.desk.filters import PickFilter
from config.casework.desk.forms import ActForm, MomentInput
from disputes.assessments.models import ScoringVersion
from disputes.register.models import AiSystem, ReviewerAuthority, SeriousIncident, VersionNotice
from disputes.register.services import (
    GRANT,
    OPEN,
    REPORT,
    grant_authority,
    open_serious_incident,
    report_serious_incident,
    revoke_authority,
)


@admin.register(AiSystem)
class AiSystemAdmin(ReadOnlyAdmin):
    """The runbook file is the truth; the next load writes it again."""

    list_display = ("name", "system", "provider", "duties_from")
    list_select_related = ("system",)
    fields = (
        "system",
        "name",
        "purpose",
        "provider",
        "deployer",
        "instructions",
        "oversight",
        "limits",
        "duties_from",
        "log_days",
        "serious_incident_days",
    )
    empty_title = gettext_lazy("No assessing system is registered")
    empty_why = gettext_lazy("Write the section ai_system in the system's runbook file and load it.")


class ActAddAdmin(ReadOnlyAdmin):
    """Rows that a service makes: the page to add one asks for what the service needs.

    Attributes:
        add_permission: "app.codename".
        add_form: what it asks.
        add_label: what the page and its button say.
    """

    add_permission: str
    add_form: type[ActForm]
    add_label: Any

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).has_perm(self.add_permission)

    def add_row(self, form: Any, *, actor: User) -> str:
        """Do it, and say so."""
        raise NotImplementedError

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        actor = acting_user(request)
        return act_page(
            self,
            request,
            self.add_form,
            lambda form: self.add_row(form, actor=actor),
            title=self.add_label,
            submit_label=self.add_label,
            back=reverse(self.url_name("changelist")),
            consequence=self.consequence,
        )


class AuthorityForm(ActForm):
    person = forms.ModelChoiceField(User.objects.none(), label=gettext_lazy("Person"))
    system = forms.ModelChoiceField(
        System.objects.order_by("name"),
        label=gettext_lazy("Only for"),
        required=False,
        empty_label=gettext_lazy("all systems"),
    )
    competence = forms.CharField(
        label=gettext_lazy("Training and experience"), widget=forms.Textarea(attrs={"rows": 4}), max_length=5_000
    )
    authority = forms.CharField(
        label=gettext_lazy("What they may decide, and who said so"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=5_000,
    )
    starts_at = forms.DateTimeField(label=gettext_lazy("From"), widget=MomentInput)
    ends_at = forms.DateTimeField(label=gettext_lazy("Until"), widget=MomentInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["person"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = User.objects.filter(is_staff=True, is_active=True).order_by("name", "email")
        field.label_from_instance = person_name  # type: ignore[method-assign, assignment]


def _revoke(actor: User, row: ReviewerAuthority, _form: ActForm) -> str:
    revoke_authority(row, actor=actor, at=clock.now())
    return _("%(name)s no longer decides disputes.") % {"name": person_name(row.person)}


@admin.register(ReviewerAuthority)
class ReviewerAuthorityAdmin(ActAddAdmin):
    """Who may decide disputes, why, and until when. No entry, no decision."""

    list_display = ("name", "system", "state_badge", "starts_at", "ends_at")
    narrow_columns = ("name", "state_badge", "ends_at")
    list_select_related = ("person", "system")
    list_filter = (("person", PickFilter),)
    ordering = ("-ends_at", "-pk")
    fields = ("name", "system", "competence", "authority", "starts_at", "ends_at", "granted_by", "revoked_at")
    add_permission, add_form, add_label = GRANT, AuthorityForm, gettext_lazy("Record a reviewer's authority")
    consequence = gettext_lazy("The person may decide disputes in this time. Nobody records this for themselves.")
    empty_title = gettext_lazy("Nobody may decide disputes")
    empty_why = gettext_lazy("Record the competence and authority of each reviewer, with an end.")
    acts = (
        Act(
            "revoke",
            gettext_lazy("End it now"),
            GRANT,
            _revoke,
            consequence=gettext_lazy("The person decides no dispute from now on."),
            tone=Tone.DANGER,
            available=lambda row: row.revoked_at is None and row.ends_at > clock.now(),
        ),
    )

    def add_row(self, form: Any, *, actor: User) -> str:
        values = dict(form.cleaned_data)
        row = grant_authority(values.pop("person"), actor=actor, at=clock.now(), **values)
        return _("%(name)s may decide disputes.") % {"name": person_name(row.person)}

    @admin.display(description=gettext_lazy("person"))
    def name(self, obj: ReviewerAuthority) -> str:
        return person_name(obj.person)

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: ReviewerAuthority) -> SafeString:
        now = clock.now()
        if obj.revoked_at and obj.revoked_at <= now:
            return badge(_("ended early"), Tone.NEUTRAL)
        if obj.ends_at <= now:
            return badge(_("ended"), Tone.NEUTRAL)
        return badge(_("holds"), Tone.OK) if obj.starts_at <= now else badge(_("begins later"), Tone.INFO)


class SeriousForm(ActForm):
    system = forms.ModelChoiceField(System.objects.order_by("name"), label=gettext_lazy("System"))
    version = forms.ModelChoiceField(
        ScoringVersion.objects.order_by("part", "-active_from"), label=gettext_lazy("Version"), required=False
    )
    gap = forms.CharField(label=gettext_lazy("Telemetry gap"), max_length=80, required=False)
    what = forms.CharField(
        label=gettext_lazy("What was found"), widget=forms.Textarea(attrs={"rows": 5}), max_length=10_000
    )
    aware_at = forms.DateTimeField(
        label=gettext_lazy("When we learnt of it"),
        required=False,
        widget=MomentInput,
        help_text=gettext_lazy("Your own time. Leave it empty for now."),
    )


class ReportForm(ActForm):
    reference = forms.CharField(label=gettext_lazy("Reference of the authority"), max_length=200)


def _report(actor: User, row: SeriousIncident, form: ReportForm) -> str:
    report_serious_incident(row, reference=form.cleaned_data["reference"], actor=actor, at=clock.now())
    return _("The report is recorded.")


class NoticeInline(DeskTabularInline):
    model = VersionNotice
    verbose_name_plural = gettext_lazy("Organisations told")
    fields = ("organization", "affected", "told", "asked_at")
    readonly_fields = ("told",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[VersionNotice]:
        return super().get_queryset(request).select_related("message", "organization")

    @admin.display(description=gettext_lazy("message"))
    def told(self, obj: VersionNotice) -> str:
        return obj.message.get_state_display() if obj.message else _("no address: call them")


@admin.register(SeriousIncident)
class SeriousIncidentAdmin(ActAddAdmin):
    """Faults of an assessing system that may have to be reported, each with an incident and its own clock."""

    list_display = ("pattern", "system", "affected", "state_badge", "report_due_at", "incident")
    narrow_columns = ("pattern", "state_badge", "report_due_at")
    list_select_related = ("version", "system", "incident")
    ordering = ("-aware_at", "-pk")
    inlines = (NoticeInline,)
    fields = (
        "system",
        "pattern",
        "what",
        "incident",
        "affected",
        "aware_at",
        "duty_holds",
        "report_due_at",
        "reported_at",
        "report_reference",
    )
    add_permission, add_form, add_label = OPEN, SeriousForm, gettext_lazy("Open a serious incident")
    consequence = gettext_lazy(
        "Opens an incident, starts the clock to report, and writes to each organisation concerned."
    )
    empty_title = gettext_lazy("No serious incident")
    empty_why = gettext_lazy("A confirmed pattern fault is opened here.")
    acts = (
        Act(
            "report",
            gettext_lazy("Record the report"),
            REPORT,
            _report,
            form=ReportForm,
            consequence=gettext_lazy("Says that the authority was told now. This cannot be taken back."),
            available=lambda row: row.reported_at is None,
        ),
    )

    def add_row(self, form: Any, *, actor: User) -> str:
        values = dict(form.cleaned_data)
        row = open_serious_incident(values.pop("system"), actor=actor, at=clock.now(), **values)
        return _("%(ref)s is open.") % {"ref": row.incident.reference}

    @admin.display(description=gettext_lazy("fault in"))
    def pattern(self, obj: SeriousIncident) -> str:
        return str(obj.version or obj.gap)

    @admin.display(description=gettext_lazy("report"))
    def state_badge(self, obj: SeriousIncident) -> SafeString:
        if obj.reported_at:
            return badge(_("reported"), Tone.OK)
        if not obj.duty_holds:
            return badge(_("no duty yet"), Tone.NEUTRAL)
        late = obj.report_due_at < clock.now()
        return badge(_("late"), Tone.DANGER) if late else badge(_("to report"), Tone.WARN)
