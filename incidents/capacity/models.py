"""How much a system can take, and how much it takes (INC-83)."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.personal import personal
from config.casework.versions import versioned
from incidents.capacity.choices import ReadingSource, Standing

DIGITS, PLACES = 14, 3


@personal(plain=("key", "name", "unit", "metric", "severity_key", "source"))
@versioned()
class CapacityLimit(models.Model):
    """A limit of a system; from its warning share on, included, a reading is a warning and never a page (INC-84)."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="capacity_limits")
    position = models.PositiveSmallIntegerField(default=0)
    key = models.CharField(max_length=80)
    name = models.CharField(max_length=120)
    unit = models.CharField(max_length=40)
    limit = models.DecimalField(max_digits=DIGITS, decimal_places=PLACES)
    warn_share = models.DecimalField(max_digits=4, decimal_places=3, default=Decimal("0.8"))
    metric = models.CharField(max_length=160, blank=True, help_text=_("Samples of this name are readings."))
    severity_key = models.CharField(
        _("severity"),
        max_length=20,
        blank=True,
        help_text=_("Level of the case that a warning opens; empty: judged at triage."),
    )
    source = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ("system__name", "position", "key")
        verbose_name = _("capacity limit")
        constraints = [
            models.UniqueConstraint(fields=["system", "key"], name="capacity_limit_once"),
            models.CheckConstraint(condition=Q(limit__gt=0), name="capacity_limit_positive"),
            models.CheckConstraint(condition=Q(warn_share__gt=0, warn_share__lte=1), name="capacity_warn_share"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def warn_value(self) -> Decimal:
        """The reading from which it warns, itself included."""
        return (self.limit * self.warn_share).normalize()

    def standing(self, value: Decimal | None) -> Standing:
        if value is None:
            return Standing.UNKNOWN
        if value >= self.limit:
            return Standing.FULL
        return Standing.WARNING if value >= self.warn_value else Standing.ROOM


@personal()
class CapacityReading(models.Model):
    """What was used at a moment, read by a person or measured."""

    limit = models.ForeignKey(CapacityLimit, on_delete=models.CASCADE, related_name="readings")
    value = models.DecimalField(_("reading"), max_digits=DIGITS, decimal_places=PLACES)
    taken_at = models.DateTimeField()
    source = models.CharField(max_length=10, choices=ReadingSource, default=ReadingSource.PERSON)
    recorded_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ("-taken_at", "-pk")
        default_permissions = ("view", "add")
        constraints = [models.CheckConstraint(condition=Q(value__gte=0), name="capacity_reading_not_negative")]
        indexes = [models.Index(fields=["limit", "-taken_at", "-id"], name="capacity_newest")]

    def __str__(self) -> str:
        return f"reading {self.pk}"
