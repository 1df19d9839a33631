"""Customers: whom to tell, whom an incident hits, who was told, and who does not want to be."""

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import Organization, System
from config.casework.choices import Tone
from config.casework.personal import FREE_TEXT, Erasure, Subject, holds, personal
from incidents.customers.choices import Duty, NoticeChannel, NoticeResult, Topic
from incidents.querysets import OfIncidentQuerySet

if TYPE_CHECKING:
    from incidents.models import Incident

PERSON = holds(Subject.CONTACT, erase=Erasure.DELETE_ROW)


class CustomerManager(models.Manager["Customer"]):
    def get_queryset(self) -> models.QuerySet["Customer"]:
        return super().get_queryset().filter(kind=OrganizationKind.TENANT)


class Customer(Organization):
    """An employer as whoever speaks for us sees it: the sheet with what hits it and what it was told."""

    objects: ClassVar[CustomerManager] = CustomerManager()

    class Meta:
        proxy = True
        ordering = ("name",)
        verbose_name = _("customer")


@personal(plain=("language",), name=PERSON, email=PERSON, phone=PERSON)
class CustomerContact(models.Model):
    """A person at a customer who is told about incidents, or asked about privacy."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="contacts")
    name = models.CharField(max_length=120)
    duty = models.CharField(_("contact for"), max_length=10, choices=Duty, default=Duty.INCIDENTS)
    email = models.EmailField(max_length=254, blank=True)
    phone = models.CharField(max_length=40, blank=True, help_text=_("With country code, such as +49 30 1234567."))
    language = models.CharField(max_length=10, default="en", help_text=_("The language they read: en, de ..."))
    is_active = models.BooleanField(_("still our contact"), default=True)

    class Meta:
        ordering = ("organization__name", "name", "pk")
        verbose_name = _("contact")
        constraints = [
            models.CheckConstraint(
                condition=~Q(email="") | ~Q(phone="") | Q(is_active=False),
                name="contact_can_be_reached",
                violation_error_message=_("A contact needs a mail address or a phone number."),
            ),
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=Q(is_active=True) & ~Q(email=""),
                name="contact_address_once",
                violation_error_message=_("This customer has a contact with this address already."),
            ),
        ]

    def __str__(self) -> str:
        return f"contact {self.pk}"  # never a name: the admin log copies it

    def clean(self) -> None:
        self.email = self.email.strip().lower()
        digits = sum(letter.isdigit() for letter in self.phone)
        if self.phone and (digits < 5 or any(letter not in "+0123456789 ()/-." for letter in self.phone)):
            raise ValidationError({"phone": _("Write a phone number, such as +49 30 1234567.")})

    @property
    def dial(self) -> str:
        """The number as a tel: link takes it."""
        return "".join(letter for letter in self.phone if letter.isdigit() or letter == "+")


@personal(plain=("regions", "features"))
class Usage(models.Model):
    """Which system a customer uses, where, and which of its features: what an incident may hit."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="usages")
    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="usages")
    regions = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, help_text=_("Separated by commas, such as eu, us.")
    )
    features = ArrayField(
        models.CharField(max_length=60),
        default=list,
        blank=True,
        help_text=_("Separated by commas, such as invites, qa."),
    )

    class Meta:
        ordering = ("organization__name", "system__name")
        verbose_name = _("use of a system")
        verbose_name_plural = _("uses of systems")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "system"],
                name="usage_once",
                violation_error_message=_("This system stands there already."),
            )
        ]

    def __str__(self) -> str:
        return f"use {self.pk}"

    def clean(self) -> None:
        """Small words, each once, so that a choice finds them all."""
        self.regions = sorted({word.strip().lower() for word in self.regions if word.strip()})
        self.features = sorted({word.strip().lower() for word in self.features if word.strip()})


@personal(case="incident", plain=("agreed",))
class Affected(models.Model):
    """A customer that an incident hits, and whether it was told.

    `agreed` is the notice time of the contract that runs as a clock on the incident; empty: none was agreed.
    """

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="affected")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="affected_by")
    since = models.DateTimeField(help_text=_("When we learnt that it is affected; the agreed time counts from then."))
    agreed = models.CharField(max_length=20, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    named_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        ordering = ("told_at", "organization__name")
        default_permissions = ("view", "add")
        constraints = [models.UniqueConstraint(fields=["incident", "organization"], name="affected_once")]

    def __str__(self) -> str:
        return f"affected {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident


class NoticeQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        incidents: Any = apps.get_model("incidents", "Incident")
        return self.filter(Q(incident=None) | Q(incident__in=incidents.objects.visible_to(user)))


@personal(
    case="incident",
    name=holds(Subject.ANYONE, erase=Erasure.CLEAR),
    address=holds(Subject.ANYONE, erase=Erasure.CLEAR),
    note=FREE_TEXT,
)
class Notice(models.Model):
    """One person was told, or not: by which channel, when, with which result. Calls stand here too."""

    incident = models.ForeignKey(
        "incidents.Incident", on_delete=models.CASCADE, null=True, blank=True, related_name="notices"
    )
    communication = models.ForeignKey(
        "incidents.Communication", on_delete=models.CASCADE, null=True, blank=True, related_name="notices"
    )
    maintenance_message = models.ForeignKey(
        "incidents.MaintenanceMessage", on_delete=models.CASCADE, null=True, blank=True, related_name="notices"
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.SET_NULL, null=True, blank=True, related_name="notices"
    )
    contact = models.ForeignKey(
        CustomerContact, on_delete=models.SET_NULL, null=True, blank=True, related_name="notices"
    )
    message = models.ForeignKey(
        "integrations.Message", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=120, blank=True)
    address = models.CharField(max_length=254, blank=True)
    channel = models.CharField(max_length=10, choices=NoticeChannel)
    result = models.CharField(max_length=12, choices=NoticeResult, default=NoticeResult.QUEUED)
    note = models.CharField(max_length=300, blank=True)
    told_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-pk")
        default_permissions = ("view", "add")
        verbose_name = _("entry of the log")
        verbose_name_plural = _("log of who was told")
        indexes = [
            models.Index(fields=["organization", "-at"], name="notice_organization"),
            models.Index(fields=["message"], name="notice_message"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(incident__isnull=False) | Q(maintenance_message__isnull=False), name="notice_is_about"
            )
        ]

    def __str__(self) -> str:
        return f"notice {self.pk}"

    @property
    def tone(self) -> Tone:
        tone: Tone = NoticeResult(self.result).tone
        return tone


@personal(plain=("topic", "digest"))
class OptOut(models.Model):
    """An address that wants no more news of a kind. Only a keyed digest is kept: the wish stays, the address goes."""

    topic = models.CharField(max_length=12, choices=Topic)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["topic", "digest"], name="opt_out_once")]

    def __str__(self) -> str:
        return f"opt-out {self.pk}"
