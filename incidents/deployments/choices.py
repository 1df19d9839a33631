from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class DeploymentState(TonedChoices):
    PLANNED = "planned", Tone.INFO, _("planned")
    RUNNING = "running", Tone.WARN, _("being deployed")
    WATCHING = "watching", Tone.WARN, _("being watched")
    DONE = "done", Tone.OK, _("done")
    ROLLING_BACK = "rolling_back", Tone.DANGER, _("on the way back")
    ROLLED_BACK = "rolled_back", Tone.NEUTRAL, _("rolled back")
    CALLED_OFF = "called_off", Tone.NEUTRAL, _("called off")


UNDER_WAY = (DeploymentState.RUNNING, DeploymentState.WATCHING, DeploymentState.ROLLING_BACK)
OPEN_STATES = (DeploymentState.PLANNED, *UNDER_WAY)
LIVE = (DeploymentState.DONE, DeploymentState.WATCHING)
ROLL_BACK_CLOCK = "roll_back"
