"""Severity levels and release windows: data of each system's runbook."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.catalogue.models import Calendar, System
from config.casework.choices import Tone
from config.casework.personal import personal
from config.casework.versions import versioned
from incidents.severity.choices import ClockKind, Duty, Paging
from incidents.severity.validators import amount_of_time


@personal(
    plain=(
        "key",
        "name",
        "meaning",
        "examples",
        "acknowledge",
        "mitigate",
        "update_every",
        "paging_steps",
        "paging_every",
        "paging_lasts",
        "breach_steps",
        "phases",
    )
)
@versioned()
class Severity(models.Model):
    """One level of a system's scheme, with its promises (INC-06..17).

    Spans are ISO 8601 ("PT15M") or business days ("1BD"); an empty one means no promise. `paging_steps` and
    `breach_steps` are ordered `{"to": role, "after": span}`; they are copied into a case when it opens.
    """

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="severities")
    key = models.CharField(max_length=20)
    name = models.CharField(max_length=60)
    meaning = models.CharField(
        max_length=600, help_text=_("What it means for the people who use the system; shown on pages.")
    )
    examples = models.JSONField(default=list, blank=True)
    rank = models.PositiveSmallIntegerField(help_text=_("1 is the gravest; for sorting across systems only."))
    acknowledge = models.CharField(max_length=20, blank=True, validators=[amount_of_time])
    mitigate = models.CharField(max_length=20, blank=True, validators=[amount_of_time])
    mitigate_by_release_window = models.BooleanField(default=False)
    clock = models.CharField(max_length=20, choices=ClockKind, default=ClockKind.ROUND_THE_CLOCK)
    warn = models.FloatField(default=0.8, help_text=_("Share of the time after which a clock warns."))
    paging = models.CharField(max_length=20, choices=Paging, default=Paging.NEVER)
    paging_steps = models.JSONField(default=list, blank=True)
    paging_repeat = models.PositiveSmallIntegerField(
        default=0, help_text=_("How often the steps are gone through again.")
    )
    paging_every = models.CharField(
        max_length=20, default="PT15M", help_text=_("Time between the last step and the next round.")
    )
    paging_lasts = models.CharField(
        max_length=20,
        blank=True,
        help_text=_("How long an acknowledgement counts without any work on the case; empty: until it is resolved."),
    )
    breach_steps = models.JSONField(default=list, blank=True)
    update_every = models.CharField(max_length=20, blank=True, validators=[amount_of_time])
    postmortem = models.CharField(max_length=10, choices=Duty, default=Duty.OPTIONAL)
    phases = models.JSONField(
        default=list,
        blank=True,
        help_text=_(
            'Parts of its procedure with marks after the start: [{"key": "assess", "name": "Assess", "until": "PT15M", "met_by": "triaged"}].'
        ),
    )
    is_untriaged = models.BooleanField(
        default=False, help_text=_("Its clocks hold until somebody has judged the severity.")
    )

    class Meta:
        ordering = ("system__name", "rank", "key")
        verbose_name_plural = _("severities")
        constraints = [
            models.UniqueConstraint(fields=["system", "key"], name="severity_key_once"),
            models.UniqueConstraint(fields=["system"], condition=Q(is_untriaged=True), name="severity_one_untriaged"),
            models.CheckConstraint(condition=Q(warn__gt=0, warn__lte=1), name="severity_warn_share"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def tone(self) -> Tone:
        return {1: Tone.DANGER, 2: Tone.WARN}.get(self.rank, Tone.INFO)

    def business_calendar(self) -> Calendar | None:
        """The calendar its clocks run by; None is round the clock."""
        return self.system.calendar if self.clock == ClockKind.BUSINESS else None


@personal(plain=("name",))
@versioned()
class ReleaseWindow(models.Model):
    """A planned release: minor incidents are due with the next one (INC-08)."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="release_windows")
    name = models.CharField(max_length=80)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        ordering = ("starts_at",)
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="release_window_ends_after_start",
                violation_error_message=_("The end must be later than the start."),
            ),
        ]

    def __str__(self) -> str:
        return self.name
