"""One row for each clock of each case; one sweep handles them all."""

from datetime import datetime

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.catalogue.models import Calendar
from config.casework.personal import personal

OPEN = Q(met_at=None, cancelled_at=None)


class DeadlineQuerySet(models.QuerySet["Deadline"]):
    def open(self) -> "DeadlineQuerySet":
        return self.filter(OPEN)

    def of(self, case: models.Model) -> "DeadlineQuerySet":
        return self.filter(content_type=ContentType.objects.get_for_model(case), object_id=case.pk)


@personal(plain=("kind", "span", "steps", "pauses"))
class Deadline(models.Model):
    """A clock: what must happen to a case until when, why then, and whether it did.

    All instants are UTC. `span` is what was promised ("PT15M", "1BD"; empty when the end was set directly), `calendar`
    the business calendar it runs by (none: round the clock), `steps` the sentences that explain the due date.
    """

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")
    object_id = models.PositiveBigIntegerField()
    case = GenericForeignKey("content_type", "object_id")
    kind = models.CharField(max_length=40)
    about_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    about_id = models.PositiveBigIntegerField(null=True, blank=True)
    about = GenericForeignKey("about_type", "about_id")
    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    span = models.CharField(max_length=20, blank=True)
    started_at = models.DateTimeField()
    warn_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Empty: there is no date yet, and the page says why.")
    )
    pauses = models.JSONField(default=list, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    met_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    breached_at = models.DateTimeField(null=True, blank=True)
    steps = models.JSONField(default=list, blank=True)

    objects = DeadlineQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "pk")
        verbose_name = _("clock")
        constraints = [
            models.UniqueConstraint(
                fields=["content_type", "object_id", "kind", "about_type", "about_id"],
                condition=OPEN,
                nulls_distinct=False,
                name="deadline_one_open",
            ),
            models.CheckConstraint(condition=Q(met_at=None) | Q(cancelled_at=None), name="deadline_met_or_cancelled"),
            models.CheckConstraint(
                condition=Q(due_at=None) | Q(due_at__gte=F("started_at")), name="deadline_due_after_start"
            ),
        ]
        indexes = [
            models.Index(fields=["content_type", "object_id"], name="deadline_case"),
            models.Index(
                fields=["due_at"], condition=OPEN & Q(breached_at=None, paused_at=None), name="deadline_to_breach"
            ),
            models.Index(
                fields=["warn_at"], condition=OPEN & Q(warned_at=None, paused_at=None), name="deadline_to_warn"
            ),
        ]

    def __str__(self) -> str:
        return f"clock {self.kind} {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.met_at is None and self.cancelled_at is None

    def is_late(self, at: datetime) -> bool:
        """True when it was met after its due date, or is open and past it; exactly on time is not late."""
        return (
            self.due_at is not None
            and self.cancelled_at is None
            and (self.paused_at or self.met_at or at) > self.due_at
        )
