"""What every case shares, and the notes people leave on it."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.cases.querysets import CaseQuerySet
from config.casework.catalogue.models import Organization, System
from config.casework.personal import FREE_TEXT, personal

if TYPE_CHECKING:
    from config.casework.transitions import Machine


class Case(models.Model):
    """One piece of work with a reference, a state, an owner and clocks; every desk's case is one.

    `next_due_at` and `next_due_kind` mirror the nearest open clock (config.casework.deadlines keeps them), so that a
    queue of a million rows sorts by an index.
    """

    PREFIX: ClassVar[str]
    MACHINE: ClassVar["Machine[Any]"]
    OPEN_STATES: ClassVar[tuple[str, ...]]

    reference = models.CharField(max_length=20, unique=True, editable=False)
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", verbose_name=_("organisation")
    )
    title = models.CharField(max_length=200)
    owner = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    restricted = models.BooleanField(
        default=False, help_text=_("Seen only by its owner and by people it is shared with.")
    )
    received_at = models.DateTimeField(help_text=_("When the desk, or anyone of the company, learnt of it."))
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_due_kind = models.CharField(max_length=40, blank=True, editable=False)
    trace_id = models.CharField(max_length=32, blank=True, editable=False)
    version = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)

    objects = CaseQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.reference  # never a title or a name: the admin log copies it


@personal(case="generic", text=FREE_TEXT, plain=("about",))
class Note(models.Model):
    """What a person wrote on a case: a remark, or the reason of a step."""

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")
    object_id = models.PositiveBigIntegerField()
    case = GenericForeignKey("content_type", "object_id")
    author = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(help_text=_("When it happened or was said."))
    recorded_at = models.DateTimeField(editable=False)
    text = models.TextField(max_length=20_000)
    about = models.CharField(
        max_length=60, blank=True, editable=False, help_text=_("The step it explains, such as incident.resolved.")
    )
    internal = models.BooleanField(default=True, help_text=_("Not for the person the case is about."))

    class Meta:
        ordering = ("at", "pk")
        indexes = [models.Index(fields=["content_type", "object_id", "at"], name="note_case")]
        permissions = [("redact_note", _("Can remove a passage or a file from a case"))]

    def __str__(self) -> str:
        return f"note {self.pk}"


@personal(plain=("prefix",))
class ReferenceCounter(models.Model):
    """The last number given to a staff-made case of a kind in a year."""

    prefix = models.CharField(max_length=8)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prefix", "year"], name="reference_counter_once")]

    def __str__(self) -> str:
        return f"{self.prefix}-{self.year}"
