from django.db import models
from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class Source(models.TextChoices):
    """Who sends alerts."""

    ALERTMANAGER = "alertmanager", _("Alertmanager")


class AlertStatus(TonedChoices):
    """What the sender last said about an alert."""

    FIRING = "firing", Tone.DANGER, _("firing")
    RESOLVED = "resolved", Tone.OK, _("resolved")


class Paging(models.TextChoices):
    """When a monitor pages; empty leaves it to the severity."""

    NEVER = "never", _("never")
    ALWAYS = "always", _("always")
    BUSINESS_HOURS = "business_hours", _("in business hours")
