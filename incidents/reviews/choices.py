from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class PostmortemState(TonedChoices):
    DRAFT = "draft", Tone.WARN, _("draft")
    PUBLISHED = "published", Tone.OK, _("published")


class ActionKind(TonedChoices):
    CORRECTIVE = "corrective", Tone.INFO, _("corrective")
    PREVENTIVE = "preventive", Tone.INFO, _("preventive")
    RUNBOOK = "runbook", Tone.INFO, _("runbook review")


class ActionState(TonedChoices):
    OPEN = "open", Tone.INFO, _("open")
    DONE = "done", Tone.OK, _("done")
    DROPPED = "dropped", Tone.NEUTRAL, _("dropped")


class Factor(TonedChoices):
    """What made an incident possible or longer; always the system, never a person."""

    CHANGE = "change", Tone.INFO, _("a change")
    CAPACITY = "capacity", Tone.INFO, _("capacity")
    DEPENDENCY = "dependency", Tone.INFO, _("a dependency")
    DATA = "data", Tone.INFO, _("data")
    DETECTION = "detection", Tone.INFO, _("detection")
    PROCEDURE = "procedure", Tone.INFO, _("a procedure")
    KNOWLEDGE = "knowledge", Tone.INFO, _("knowledge or documents")
    SECURITY = "security", Tone.INFO, _("security")
    OTHER = "other", Tone.NEUTRAL, _("something else")


class SummaryState(TonedChoices):
    DRAFT = "draft", Tone.WARN, _("draft")
    APPROVED = "approved", Tone.OK, _("approved")
