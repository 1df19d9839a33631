"""Decisions that need more than one person: four eyes, joint decisions, deputies."""

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.personal import FREE_TEXT, personal

OPEN = Q(granted_at=None, withdrawn_at=None)


@personal(plain=("purpose", "roles", "binding"), case="generic")
class Approval(models.Model):
    """A question to named roles about one case; granted when each role has signed, each by another person.

    `binding` is the digest of what exactly is approved; when that changes, the approval is withdrawn and asked anew.
    `excluded` are people whose signature never counts (four eyes: who filed, handled or assessed).
    """

    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, related_name="+")
    object_id = models.PositiveBigIntegerField()
    case = GenericForeignKey("content_type", "object_id")
    purpose = models.CharField(max_length=40)
    roles = ArrayField(models.CharField(max_length=20, choices=Role))
    binding = models.CharField(max_length=64, blank=True)
    excluded = models.ManyToManyField(User, related_name="+", blank=True)
    requested_at = models.DateTimeField()
    granted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["content_type", "object_id", "purpose"],
                condition=Q(withdrawn_at=None),
                name="approval_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"approval {self.purpose} {self.pk}"


@personal(plain=("role",), case="approval", comment=FREE_TEXT)
class Signature(models.Model):
    """One person's word, given in one role."""

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="signatures")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, choices=Role)
    as_deputy = models.BooleanField(default=False)
    comment = models.TextField(blank=True, max_length=5_000)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["approval", "person"], name="signature_person_once"),
            models.UniqueConstraint(fields=["approval", "role"], name="signature_role_once"),
        ]

    def __str__(self) -> str:
        return f"signature {self.pk}"


@personal(plain=("role",))
class Deputy(models.Model):
    """Who signs for a role while its holder is away or excluded (R-62)."""

    role = models.CharField(max_length=20, choices=Role)
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="deputyships")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = _("deputies")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="deputy_ends_after_start",
                violation_error_message=_("The end must be later than the start."),
            )
        ]

    def __str__(self) -> str:
        return f"deputy {self.role} {self.pk}"
