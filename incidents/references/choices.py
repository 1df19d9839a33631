from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class Judgement(TonedChoices):
    """What the runbook says of a command of an operated system (Annex D)."""

    OK = "ok", Tone.OK, _("as the source has it")
    CARE = "care", Tone.WARN, _("with care")
    UNSAFE = "unsafe", Tone.DANGER, _("unsafe")
