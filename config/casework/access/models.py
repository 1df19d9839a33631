"""People, memberships and API tokens."""

from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from config.casework.access.choices import Role, Scope
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import Organization
from config.casework.personal import Erasure, Subject, holds, personal

RESERVED = ".invalid"  # RFC 2606: no such domain will ever exist; addresses of made-up people end like this


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make an account; without a password it cannot sign in until one is set."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


@personal(
    plain=("language", "zone", "password"),
    email=holds(Subject.STAFF, erase=Erasure.CLEAR),
    name=holds(Subject.STAFF, erase=Erasure.CLEAR),
    phone=holds(Subject.STAFF, erase=Erasure.CLEAR),
)
class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. The power of a superadmin comes from the environment and is never stored (SEC-07)."""

    is_superuser = None  # no such column: see the property below

    email = models.EmailField(
        _("email"), max_length=254, unique=True, error_messages={"unique": _("Somebody has this address already.")}
    )
    name = models.CharField(_("name"), max_length=120, blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    language = models.CharField(_("language"), max_length=10, default="en-gb")
    zone = models.CharField(_("time zone"), max_length=60, default="Europe/Berlin")
    is_staff = models.BooleanField(_("works at the desk"), default=False)
    is_active = models.BooleanField(_("may sign in"), default=True)
    must_change_password = models.BooleanField(_("must choose a new password"), default=False)
    date_joined = models.DateTimeField(_("joined"), auto_now_add=True)
    organizations = models.ManyToManyField(Organization, through="Membership", related_name="people")

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_lower_case")]

    def __str__(self) -> str:
        return f"P-{self.pk:04}" if self.pk else "P-new"  # never a name: the admin log copies it

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email

    @cached_property
    def _standing(self) -> frozenset[str]:
        """Names of roles, and the kind of the hiring company for its members: every page asks for both."""
        own = self.memberships.filter(organization__kind=OrganizationKind.OPERATOR)
        return frozenset(
            name for (name,) in self.groups.values_list("name").union(own.values_list("organization__kind"))
        )

    @cached_property
    def roles(self) -> frozenset[Role]:
        return frozenset(Role(name) for name in self._standing if name in Role.values)

    @cached_property
    def organization_ids(self) -> frozenset[int]:
        return frozenset(self.memberships.values_list("organization_id", flat=True))

    @cached_property
    def is_operator(self) -> bool:
        """Belongs to the hiring company itself, not to an employer."""
        return self.is_active and OrganizationKind.OPERATOR in self._standing

    @cached_property
    def is_superadmin(self) -> bool:
        """Named in SUPERADMIN_EMAILS and owner of that mailbox: the address was confirmed by a click in a mail."""
        return (
            self.is_active
            and self.email.casefold() in settings.SUPERADMIN_EMAILS
            and self.emailaddress_set.filter(email__iexact=self.email, verified=True).exists()  # type: ignore[attr-defined]
        )


# Django asks for `is_superuser` everywhere; it is answered, never stored.
User.is_superuser = property(lambda self: self.is_superadmin)  # type: ignore[assignment]


@personal()
class Membership(models.Model):
    """A person belongs to an organisation."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    is_admin = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "organization"], name="membership_once")]

    def __str__(self) -> str:
        return f"membership {self.pk}"


@personal(plain=("name", "prefix", "digest", "scopes"))
class ApiToken(models.Model):
    """A bearer token of the HTTP API; only its digest is kept."""

    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, editable=False, help_text=_("The first letters, to tell tokens apart."))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("API token")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
