"""Words fixed in code, with the tone in which a badge shows them."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Tone(models.TextChoices):
    """How a badge, a clock or a card speaks (design tokens of the style sheets)."""

    DANGER = "danger", _("danger")
    WARN = "warn", _("warning")
    OK = "ok", _("good")
    INFO = "info", _("information")
    NEUTRAL = "neutral", _("neutral")


class TonedChoices(models.TextChoices):
    """Choices whose members carry a tone: `NAME = "value", Tone.OK, _("label")`."""

    tone: Any

    def __new__(cls, value: str, tone: str = Tone.NEUTRAL) -> "TonedChoices":
        member = str.__new__(cls, value)
        member._value_ = value
        member.tone = Tone(tone)
        return member
