from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class JobState(TonedChoices):
    DUE = "due", Tone.INFO, _("due")
    RUNNING = "running", Tone.INFO, _("running")
    DONE = "done", Tone.OK, _("done")
    PARKED = "parked", Tone.DANGER, _("needs attention")
    CANCELLED = "cancelled", Tone.NEUTRAL, _("cancelled")
