from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class Standing(TonedChoices):
    """How near a reading comes to its limit (INC-84)."""

    ROOM = "room", Tone.OK, _("room left")
    WARNING = "warning", Tone.WARN, _("near the limit")
    FULL = "full", Tone.DANGER, _("at the limit")
    UNKNOWN = "unknown", Tone.NEUTRAL, _("no reading yet")


class ReadingSource(TonedChoices):
    PERSON = "person", Tone.INFO, _("read by a person")
    SAMPLES = "samples", Tone.INFO, _("measured")
