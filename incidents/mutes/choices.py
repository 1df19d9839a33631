from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class MuteOf(TonedChoices):
    """What a mute names."""

    ALERT = "alert", Tone.INFO, _("alerts of one name")
    FINGERPRINT = "fingerprint", Tone.INFO, _("one alert, by its fingerprint")
    GROUP = "group", Tone.INFO, _("a group of alerts")


class MuteUntil(TonedChoices):
    HOUR = "hour", Tone.INFO, _("for one hour")
    MORNING = "morning", Tone.INFO, _("until the morning of the system's zone")
    DATE = "date", Tone.WARN, _("until a moment I name")
