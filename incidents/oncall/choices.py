from django.db import models
from django.utils.translation import gettext_lazy as _


class OnCallPart(models.TextChoices):
    """The two parts of two people: one leads the technical work, the other speaks and decides priorities (INC-04)."""

    PRIMARY = "primary", _("primary")
    SECONDARY = "secondary", _("secondary")
