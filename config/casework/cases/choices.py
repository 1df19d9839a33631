from django.db import models
from django.utils.translation import gettext_lazy as _


class RedactionReason(models.TextChoices):
    """Why a passage or a file was removed from a case; the trail keeps the key."""

    PERSONAL = "personal", _("personal data that does not belong here")
    SPECIAL = "special", _("health, belief or other specially protected data")
    SECRET = "secret", _("a password, key or other secret")
    WRONG_CASE = "wrong_case", _("belongs to another case")
    REQUEST = "request", _("the person asked for it")
