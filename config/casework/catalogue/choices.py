from django.db import models
from django.utils.translation import gettext_lazy as _


class OrganizationKind(models.TextChoices):
    OPERATOR = "operator", _("operator")
    TENANT = "tenant", _("employer")


class PrivacyRole(models.TextChoices):
    """The organisation's part in law for the files of its applicants (GDPR Article 4(7), 26, 28)."""

    CONTROLLER = "controller", _("controller")
    JOINT = "joint", _("joint controller")
    PROCESSOR = "processor", _("processor of ours")
