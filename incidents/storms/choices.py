from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class MemberState(TonedChoices):
    OPEN = "open", Tone.DANGER, _("firing")
    RESOLVED = "resolved", Tone.OK, _("over")
    TAKEN_OUT = "taken_out", Tone.NEUTRAL, _("has its own case")
