"""How each person is reached beside their sign-in address, and the proof that it wakes them."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.personal import Erasure, Subject, holds, personal
from integrations.messages.choices import Channel
from integrations.messages.models import Message

SET_FOR_OTHERS = "incidents.set_contactmethods"


class ContactMethodQuerySet(models.QuerySet["ContactMethod"]):
    def visible_to(self, user: User) -> Self:
        """Those who set them for others see all; everybody else their own."""
        return self if user.has_perm(SET_FOR_OTHERS) else self.filter(person=user)

    def in_use(self) -> Self:
        return self.filter(is_active=True)


@personal(
    plain=("scheme",),
    sealed=holds(Subject.STAFF, erase=Erasure.CLEAR),
    masked=holds(Subject.STAFF, erase=Erasure.CLEAR),
    label=holds(Subject.STAFF, erase=Erasure.CLEAR),
)
class ContactMethod(models.Model):
    """One way to reach a person. The address is encrypted; people only ever see its mask.

    `wakes`: it rings until somebody answers (a call, or a push that repeats). `proven_at`: when a test page that came
    this way was last acknowledged from the phone in time.
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="contact_methods")
    channel = models.CharField(max_length=10, choices=Channel)
    scheme = models.CharField(max_length=20)
    label = models.CharField(_("name"), max_length=60, blank=True)
    sealed = models.BinaryField()
    masked = models.CharField(_("address"), max_length=120)
    wakes = models.BooleanField(_("rings until answered"), default=False)
    position = models.PositiveSmallIntegerField(default=0, help_text=_("The lowest is tried first."))
    is_active = models.BooleanField(_("in use"), default=True)
    added_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    added_at = models.DateTimeField()
    proven_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)

    objects = ContactMethodQuerySet.as_manager()

    class Meta:
        ordering = ("person", "position", "pk")
        default_permissions = ("view", "add", "change")
        verbose_name = _("contact method")
        permissions = [("set_contactmethods", "Can set the contact methods of others")]

    def __str__(self) -> str:
        return f"contact method {self.pk}"


@personal()
class TrialPage(models.Model):
    """A page sent to try one contact method; answered by its link within ten minutes it proves the method."""

    method = models.ForeignKey(ContactMethod, on_delete=models.CASCADE, related_name="tests")
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    sent_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    sent_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-sent_at", "-pk")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(acknowledged_at=None) | Q(acknowledged_at__gte=models.F("sent_at")),
                name="trial_page_answered_after_sent",
            )
        ]

    def __str__(self) -> str:
        return f"test page {self.pk}"
