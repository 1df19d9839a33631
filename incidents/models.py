"""The incident and its measures; the rooms' models are re-exported for Django."""

from typing import Any, ClassVar

import pghistory
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.cases.models import Case
from config.casework.personal import FREE_TEXT, personal
from config.casework.transitions import Machine
from incidents.backups.models import BackupRun, BackupVerification
from incidents.capacity.models import CapacityLimit, CapacityReading
from incidents.choices import OPEN_STATES, UNRESOLVED, IncidentState, MitigationStatus, Source
from incidents.communications.models import Communication, MessageTemplate
from incidents.contact_methods.models import ContactMethod, TrialPage
from incidents.contacts.models import RoleHolder
from incidents.continuity.models import BackupPolicy, Fallback
from incidents.customers.models import Affected, Customer, CustomerContact, Notice, OptOut, Usage
from incidents.deployments.models import Deployment
from incidents.links.models import Link, Merge
from incidents.maintenance.models import MaintenanceMessage, MaintenanceRule, MaintenanceWindow
from incidents.mutes.models import Mute
from incidents.oncall.models import (
    CalendarFeed,
    HandOverNote,
    Leave,
    OnCallRole,
    OnCallShift,
    Rotation,
    RotationMember,
    RotationVersion,
    ShiftRecord,
    ShiftSwap,
)
from incidents.paging.models import Call, Escalation, Page
from incidents.procedures.models import Procedure, ProcedureStep, Run, RunStep
from incidents.querysets import MitigationQuerySet
from incidents.references.models import CommandReference, FeatureSwitch
from incidents.reviews.models import ActionItem, ContributingFactor, JointDecision, Postmortem, ReviewSummary
from incidents.runbooks.models import Runbook
from incidents.severity.choices import Paging
from incidents.severity.models import ReleaseWindow, Severity
from incidents.storms.models import Storm, StormMember

HISTORY_FIELDS = [
    "state", "severity", "owner", "comms_lead", "restricted", "impacts_hiring", "data_loss_risk", "received_at", "acknowledged_at",
    "impact_over_at", "resolved_at", "closed_at", "organization", "system",
]  # fmt: skip


@personal(
    plain=(
        "reference",
        "source",
        "source_key",
        "monitor_key",
        "paging_plan",
        "trace_id",
        "state",
        "next_due_kind",
        "topic",
        "components",
        "issue_type",
        "routed_to",
    ),
    title=FREE_TEXT,
    scope=FREE_TEXT,
    description=FREE_TEXT,
    cause=FREE_TEXT,
    fix_reference=FREE_TEXT,
    no_mitigation_reason=FREE_TEXT,
    no_communication_reason=FREE_TEXT,
    channel=FREE_TEXT,
)
@pghistory.track(model_name="IncidentEvent", fields=HISTORY_FIELDS)
class Incident(Case):
    """Something is wrong with an operated system (INC-01..24).

    Acknowledged, impact over and resolved are facts with true times; cause, fix, joint decision, communication and
    review are demanded for closing only.
    """

    PREFIX: ClassVar[str] = "INC"
    OPEN_STATES: ClassVar[tuple[str, ...]] = OPEN_STATES
    MACHINE: ClassVar[Machine[Any]]
    STORM_KEY: ClassVar[str] = "storm:"  # begins the source key of a storm case

    state = models.CharField(max_length=12, choices=IncidentState, default=IncidentState.DETECTED, editable=False)
    severity = models.ForeignKey(Severity, on_delete=models.PROTECT, null=True, blank=True, related_name="incidents")
    source = models.CharField(max_length=12, choices=Source, default=Source.MANUAL)
    source_key = models.CharField(
        max_length=128,
        blank=True,
        editable=False,
        help_text=_("What tells repeats of the same trouble; one open case each."),
    )
    monitor_key = models.CharField(max_length=120, blank=True, editable=False)
    scope = models.CharField(
        _("who and what is affected"), max_length=300, blank=True, help_text=_("Users, employers, regions, features.")
    )
    description = models.TextField(_("what is seen"), blank=True, max_length=20_000)
    topic = models.CharField(
        _("what it is about"), max_length=170, blank=True, editable=False, help_text=_("Key of a scope, or scope/part.")
    )
    components = models.JSONField(_("affected components"), default=list, blank=True, editable=False)
    issue_type = models.CharField(_("issue type"), max_length=40, blank=True, editable=False)
    escalation_level = models.PositiveSmallIntegerField(_("level of escalation"), default=0, editable=False)
    routed_to = models.CharField(_("routed to"), max_length=20, blank=True, editable=False)
    data_loss_risk = models.BooleanField(_("data may be lost"), default=False)
    impacts_hiring = models.BooleanField(_("touches hiring outcomes"), default=False)
    comms_lead = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("speaks for us")
    )
    playbook = models.ForeignKey(Procedure, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    alert_group = models.ForeignKey(
        "integrations.AlertGroup",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="incidents",
        editable=False,
    )
    paging_override = models.CharField(
        max_length=20, choices=Paging, blank=True, help_text=_("Empty: as the severity says.")
    )
    recurrence_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="recurrences"
    )
    duplicate_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="duplicates", editable=False
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True, editable=False)
    acknowledged_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    acknowledgement_provisional = models.BooleanField(default=False, editable=False)
    acknowledgement_expired = models.BooleanField(
        default=False, editable=False, help_text=_("Whoever had it did nothing for too long; paging began anew.")
    )
    triaged_at = models.DateTimeField(null=True, blank=True, editable=False)
    stabilized_at = models.DateTimeField(null=True, blank=True, editable=False)
    impact_over_at = models.DateTimeField(null=True, blank=True, editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True, editable=False)
    no_mitigation_reason = models.CharField(_("why no measure was taken"), max_length=300, blank=True)
    no_communication_reason = models.CharField(_("why nobody needed to be told"), max_length=300, blank=True)
    cause = models.TextField(_("root cause"), blank=True, max_length=20_000)
    fix_reference = models.CharField(
        _("fix"), max_length=300, blank=True, help_text=_("Commit, release, ticket or change.")
    )
    breach_aware_at = models.DateTimeField(
        _("personal data affected, known since"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The 72 hours to the authority count from then."),
    )
    authority_notified_at = models.DateTimeField(_("authority told"), null=True, blank=True, editable=False)
    channel = models.CharField(
        _("incident channel"),
        max_length=300,
        blank=True,
        editable=False,
        help_text=_("Where we talk about it: an address, or the name of a chat room."),
    )
    channel_since = models.DateTimeField(null=True, blank=True, editable=False)
    paging_plan = models.JSONField(default=dict, blank=True, editable=False)
    paging_generation = models.PositiveSmallIntegerField(default=0, editable=False)
    is_demo = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("incident")
        indexes = [
            models.Index(
                F("next_due_at").asc(nulls_last=True), "id", condition=Q(state__in=OPEN_STATES), name="incident_queue"
            ),
            models.Index(fields=["system", "-received_at"], name="incident_system"),
            models.Index(fields=["organization", "-received_at"], name="incident_organization"),
            models.Index(fields=["-received_at", "-id"], name="incident_newest"),
            GinIndex(OpClass(Upper("title"), name="gin_trgm_ops"), name="incident_title_search"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(issue_type="") | Q(escalation_level=0), name="incident_level_needs_issue_type"
            ),
            models.UniqueConstraint(
                fields=["source", "source_key"],
                condition=Q(state__in=UNRESOLVED) & ~Q(source_key=""),
                name="incident_one_open_per_key",
            ),
            models.CheckConstraint(
                condition=Q(state__in=UNRESOLVED) | Q(resolved_at__isnull=False), name="incident_resolved_has_time"
            ),
            models.CheckConstraint(
                condition=~Q(state=IncidentState.CLOSED)
                | (Q(closed_at__isnull=False) & ~Q(cause="") & ~Q(fix_reference="")),
                name="incident_closed_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(state__in=(IncidentState.DETECTED, IncidentState.RESOLVED))
                | (Q(severity__isnull=False) & ~Q(scope="")),
                name="incident_triaged_has_severity_and_scope",
            ),
        ]
        permissions = [
            ("lead_incident", "Can close incidents and confirm data-safety claims"),
            ("decide_incident", "Can sign joint decisions"),
        ]

    @property
    def waits_for_somebody(self) -> bool:
        """Unresolved, and nobody has it (any more): the only state in which people are paged."""
        if self.state not in UNRESOLVED or self.duplicate_of_id is not None:
            return False
        return self.acknowledged_at is None or self.acknowledgement_expired

    @property
    def is_storm(self) -> bool:
        """Many alerts of one system in one case."""
        return self.source_key.startswith(self.STORM_KEY)


@personal(case="incident", text=FREE_TEXT, effect=FREE_TEXT)
class Mitigation(models.Model):
    """A measure taken on an incident. A temporary one carries its end, and a clock for taking it back (INC-21)."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="mitigations")
    text = models.CharField(_("what was done"), max_length=200)
    temporary = models.BooleanField(_("must be taken back"), default=False)
    status = models.CharField(max_length=10, choices=MitigationStatus, default=MitigationStatus.APPLIED, editable=False)
    applied_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    applied_at = models.DateTimeField()
    expires_at = models.DateTimeField(_("take back until"), null=True, blank=True)
    reverted_at = models.DateTimeField(null=True, blank=True, editable=False)
    effect = models.TextField(_("what it changed"), blank=True, max_length=5_000)
    version = models.PositiveIntegerField(default=0, editable=False)

    MACHINE: ClassVar[Machine[Any]]
    objects = MitigationQuerySet.as_manager()

    class Meta:
        ordering = ("applied_at", "pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(temporary=False, expires_at=None) | Q(temporary=True, expires_at__isnull=False),
                name="mitigation_temporary_has_end",
                violation_error_message=_("A temporary measure needs an end, a lasting one has none."),
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("applied_at")),
                name="mitigation_expires_after_applied",
                violation_error_message=_("The end must be later than the start."),
            ),
            models.CheckConstraint(
                condition=Q(status=MitigationStatus.APPLIED, reverted_at=None)
                | Q(status=MitigationStatus.REVERTED, reverted_at__isnull=False),
                name="mitigation_reverted_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.incident.reference} mitigation {self.pk}"  # never free text: the admin log copies it

    @property
    def case_root(self) -> Incident:
        return self.incident


__all__ = [
    "ActionItem",
    "Affected",
    "BackupPolicy",
    "BackupRun",
    "BackupVerification",
    "CalendarFeed",
    "Call",
    "CapacityLimit",
    "CapacityReading",
    "CommandReference",
    "Communication",
    "ContactMethod",
    "ContributingFactor",
    "Customer",
    "CustomerContact",
    "Deployment",
    "Escalation",
    "Fallback",
    "FeatureSwitch",
    "HandOverNote",
    "Incident",
    "JointDecision",
    "Leave",
    "Link",
    "MaintenanceMessage",
    "MaintenanceRule",
    "MaintenanceWindow",
    "Merge",
    "MessageTemplate",
    "Mitigation",
    "Mute",
    "Notice",
    "OnCallRole",
    "OnCallShift",
    "OptOut",
    "Page",
    "Postmortem",
    "Procedure",
    "ProcedureStep",
    "ReleaseWindow",
    "ReviewSummary",
    "RoleHolder",
    "Rotation",
    "RotationMember",
    "RotationVersion",
    "Run",
    "RunStep",
    "Runbook",
    "Severity",
    "ShiftRecord",
    "ShiftSwap",
    "Storm",
    "StormMember",
    "TrialPage",
    "Usage",
]
