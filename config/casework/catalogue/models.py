"""Operated systems, organisations and business calendars."""

from datetime import date, time
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.calendars import BusinessCalendar
from config.casework.catalogue.choices import OrganizationKind, PrivacyRole
from config.casework.personal import Erasure, Subject, holds, personal
from config.casework.versions import versioned

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@personal(plain=("key", "name", "zone", "hours", "holidays", "closed_days"))
@versioned()
class Calendar(models.Model):
    """The open hours of a system, in wall-clock time of a zone (INC-28)."""

    key = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    zone = models.CharField(max_length=60, default="UTC")
    hours = models.JSONField(
        default=dict, help_text=_('For example {"mon": [["09:00", "17:00"]]}; a day not named is closed.')
    )
    holidays = models.CharField(
        max_length=12, blank=True, help_text=_("Country, or country and region, such as DE or DE-BE.")
    )
    closed_days = models.JSONField(
        default=list, blank=True, help_text=_('Further closed days, such as ["2026-12-24"].')
    )

    class Meta:
        ordering = ("key",)
        verbose_name = _("business calendar")

    def __str__(self) -> str:
        return self.name

    def business(self) -> BusinessCalendar:
        """The calendar as the value that the clock arithmetic takes."""
        return BusinessCalendar(
            zone=self.zone,
            hours={
                WEEKDAYS.index(day): tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in spans)
                for day, spans in self.hours.items()
            },
            holidays=self.holidays or None,
            closed=frozenset(date.fromisoformat(day) for day in self.closed_days),
        )


@personal(
    plain=("key", "name", "notice_times"),
    privacy_contact=holds(Subject.CONTACT, erase=Erasure.CLEAR),
    phone_contacts=holds(Subject.CONTACT, erase=Erasure.CLEAR),
)
class Organization(models.Model):
    """Who a case belongs to: the operator itself, or an employer (tenant), controller of its applicants' files."""

    key = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=160)
    kind = models.CharField(max_length=10, choices=OrganizationKind, default=OrganizationKind.TENANT)
    privacy_role = models.CharField(max_length=12, choices=PrivacyRole, default=PrivacyRole.CONTROLLER)
    privacy_contact = models.EmailField(blank=True)
    phone_contacts = models.JSONField(default=list, blank=True)
    notice_times = models.JSONField(
        default=dict, blank=True, help_text=_('Agreed notice times, such as {"breach": "PT24H"}.')
    )

    class Meta:
        ordering = ("name",)
        verbose_name = _("organisation")
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(kind=OrganizationKind.OPERATOR), name="organization_one_operator"
            ),
        ]

    def __str__(self) -> str:
        return self.name


@personal(
    plain=(
        "key",
        "name",
        "public_name",
        "description",
        "version",
        "zone",
        "job_labels",
        "links",
        "settings",
        "source_digest",
    ),
    contacts=holds(Subject.CONTACT, erase=Erasure.CLEAR),
)
@versioned(exclude=("contacts", "source_digest"))
class System(models.Model):
    """An operated system and what its runbook file says about it (INC-01)."""

    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    public_name = models.CharField(max_length=120, blank=True)
    description = models.TextField(blank=True)
    version = models.CharField(max_length=60, blank=True, help_text=_("Version of the runbook."))
    zone = models.CharField(max_length=60, default="UTC")
    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT, null=True, blank=True, related_name="systems")
    job_labels = models.JSONField(
        default=list, blank=True, help_text=_("Values of the label job in alerts that mean this system.")
    )
    contacts = models.JSONField(default=list, blank=True)
    links = models.JSONField(default=list, blank=True)
    settings = models.JSONField(
        default=dict, blank=True, help_text=_("Single values of the runbook, by the room that reads them.")
    )
    source_digest = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        ordering = ("name",)
        verbose_name = _("system")

    def __str__(self) -> str:
        return self.name

    def setting(self, key: str, default: Any = None) -> Any:
        return self.settings.get(key, default)
