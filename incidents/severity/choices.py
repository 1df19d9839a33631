from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class Paging(TonedChoices):
    """Whether a level pages the person on call (INC-32)."""

    ALWAYS = "always", Tone.DANGER, _("always")
    BUSINESS_HOURS = "business_hours", Tone.WARN, _("in business hours")
    NEVER = "never", Tone.NEUTRAL, _("never")


class ClockKind(TonedChoices):
    ROUND_THE_CLOCK = "round_the_clock", Tone.INFO, _("round the clock")
    BUSINESS = "business", Tone.INFO, _("business hours")


class Duty(TonedChoices):
    """Whether a level demands a postmortem (INC-24)."""

    REQUIRED = "required", Tone.WARN, _("required")
    OPTIONAL = "optional", Tone.NEUTRAL, _("optional")
    NEVER = "never", Tone.NEUTRAL, _("not kept")
