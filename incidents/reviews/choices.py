from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class PostmortemState(TonedChoices):
    DRAFT = "draft", Tone.WARN, _("draft")
    PUBLISHED = "published", Tone.OK, _("published")


class ActionKind(TonedChoices):
    CORRECTIVE = "corrective", Tone.INFO, _("corrective")
    PREVENTIVE = "preventive", Tone.INFO, _("preventive")


class ActionState(TonedChoices):
    OPEN = "open", Tone.INFO, _("open")
    DONE = "done", Tone.OK, _("done")
    DROPPED = "dropped", Tone.NEUTRAL, _("dropped")
