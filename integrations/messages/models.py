"""Everything the desk says by mail or chat, one row for each recipient."""

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.personal import FREE_TEXT, Erasure, Subject, holds, personal
from integrations.messages.choices import Channel, MessageState, Purpose

CONTACT = holds(Subject.ANYONE, erase=Erasure.CLEAR)


@personal(
    plain=("idempotency_key", "outcome", "trace", "target"),
    case="generic",
    recipient_name=CONTACT,
    address=CONTACT,
    subject=FREE_TEXT,
    text=FREE_TEXT,
    html=FREE_TEXT,
)
class Message(models.Model):
    """One message to one recipient. The same idempotency key never sends twice."""

    idempotency_key = models.CharField(max_length=200, unique=True)
    channel = models.CharField(max_length=10, choices=Channel)
    purpose = models.CharField(max_length=12, choices=Purpose)
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    object_id = models.PositiveBigIntegerField(null=True, blank=True)
    case = GenericForeignKey("content_type", "object_id")
    about_id = models.PositiveBigIntegerField(
        null=True, blank=True, help_text=_("The page, communication or other row it carries.")
    )
    person = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    recipient_name = models.CharField(max_length=120, blank=True)
    address = models.CharField(max_length=254, blank=True)
    target = models.CharField(max_length=20, blank=True, help_text=_("Which of the configured chat targets."))
    subject = models.CharField(max_length=250)
    text = models.TextField()
    html = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=MessageState, default=MessageState.QUEUED)
    outcome = models.CharField(max_length=120, blank=True)
    trace = models.CharField(max_length=55, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("created_at", "pk")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["content_type", "object_id", "created_at"], name="message_case"),
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=[MessageState.QUEUED, MessageState.FAILED]),
                name="message_open",
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.pk}"
