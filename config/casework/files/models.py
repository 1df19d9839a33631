"""Attachments, evidence and packages: encrypted, typed by their bytes, bound to a case."""

from typing import TYPE_CHECKING

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.personal import Erasure, Subject, holds, personal

if TYPE_CHECKING:
    from config.casework.cases.models import Case


class StoredFileQuerySet(models.QuerySet["StoredFile"]):
    def of(self, case: "Case") -> "StoredFileQuerySet":
        return self.filter(content_type=ContentType.objects.get_for_model(case), object_id=case.pk)

    def readable(self) -> "StoredFileQuerySet":
        """Files whose key still exists."""
        return self.filter(deleted_at=None, redacted_at=None)


@personal(
    case="generic",
    plain=("mime", "path", "wrapped_key"),
    name=holds(Subject.ANYONE, erase=Erasure.DELETE_ROW),
    sha256=holds(Subject.ANYONE, erase=Erasure.DELETE_ROW, export=False),
)
class StoredFile(models.Model):
    """One file of a case. The storage holds it encrypted; without `wrapped_key` nobody can read it, nor any copy of it.

    A deleted row waits for its bytes to leave the storage, then goes; a redacted one stays to show that something was
    removed.
    """

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")
    object_id = models.PositiveBigIntegerField()
    case = GenericForeignKey("content_type", "object_id")
    name = models.CharField(max_length=120)
    mime = models.CharField(max_length=100, editable=False, help_text=_("The kind of file, told by its bytes."))
    size = models.PositiveBigIntegerField(editable=False, help_text=_("Bytes, before encryption."))
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    wrapped_key = models.BinaryField(editable=False)
    path = models.CharField(max_length=200, blank=True, editable=False)
    internal = models.BooleanField(default=True, help_text=_("Not for the person the case is about."))
    uploaded_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    uploaded_at = models.DateTimeField()
    retention_until = models.DateTimeField(
        null=True, blank=True, help_text=_("Deleted after this; empty: with its case.")
    )
    redacted_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = StoredFileQuerySet.as_manager()

    class Meta:
        ordering = ("uploaded_at", "pk")
        verbose_name = _("file")
        indexes = [
            models.Index(fields=["content_type", "object_id"], name="file_case"),
            models.Index(fields=["retention_until"], condition=Q(retention_until__isnull=False), name="file_retention"),
            models.Index(fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="file_leaving"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(deleted_at=None, redacted_at=None) | Q(wrapped_key=b""), name="file_removed_has_no_key"
            ),
        ]

    def __str__(self) -> str:
        return f"file {self.pk}"  # never its name: the admin log copies it

    @property
    def is_readable(self) -> bool:
        return self.deleted_at is None and self.redacted_at is None
