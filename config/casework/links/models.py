"""Links that carry their own permission."""

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import F, Q

from config.casework.access.models import User
from config.casework.personal import personal


@personal(plain=("purpose", "digest", "bound"))
class Grant(models.Model):
    """What the holder of one link may do to one row, until when, and how often. Only the link's digest is kept.

    `bound` ties the link to more than the row (step, loop): ids and coded values, never personal data. `max_starts` is
    empty for a link that may be used as often as one likes; `window_until` is set once it was opened.
    """

    purpose = models.CharField(max_length=40)
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")
    object_id = models.PositiveBigIntegerField()
    object = GenericForeignKey("content_type", "object_id")
    person = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    bound = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    window_until = models.DateTimeField(null=True, blank=True)
    starts = models.PositiveSmallIntegerField(default=0)
    max_starts = models.PositiveSmallIntegerField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["content_type", "object_id", "purpose"], name="grant_object"),
            models.Index(fields=["expires_at"], name="grant_expires"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="grant_expires_after_created"),
            models.CheckConstraint(
                condition=Q(max_starts=None) | Q(starts__lte=F("max_starts")), name="grant_within_starts"
            ),
        ]

    def __str__(self) -> str:
        return f"link {self.purpose} {self.pk}"
