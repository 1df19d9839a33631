from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class WindowKind(TonedChoices):
    PLANNED = "planned", Tone.INFO, _("by the rule")
    AD_HOC = "ad_hoc", Tone.INFO, _("ad hoc")
    MODE = "mode", Tone.WARN, _("maintenance mode")


class WindowState(TonedChoices):
    PLANNED = "planned", Tone.INFO, _("planned")
    RUNNING = "running", Tone.WARN, _("running")
    COMPLETED = "completed", Tone.OK, _("completed")
    CANCELLED = "cancelled", Tone.NEUTRAL, _("cancelled")


class Stage(TonedChoices):
    """The messages of a window, in their order."""

    NOTICE = "notice", Tone.INFO, _("announced")
    START = "start", Tone.WARN, _("begun")
    COMPLETION = "completion", Tone.OK, _("completed")
    CANCELLATION = "cancellation", Tone.NEUTRAL, _("cancelled")
