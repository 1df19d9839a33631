from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices

AUTHENTICITY = "authenticity"
OTHER = "other"
EMPTY_WORDS = (AUTHENTICITY, OTHER)  # "other" alone does not stand beside authenticity (contract.md)


class Decision(TonedChoices):
    REJECT = "reject", Tone.WARN, _("reject")
    ADVANCE = "advance", Tone.OK, _("advance")


class Door(TonedChoices):
    """Where a decision came from; all doors lead to the same guard (DSP-08)."""

    API = "api", Tone.NEUTRAL, _("API")
    IMPORT = "import", Tone.NEUTRAL, _("import")
    DESK = "desk", Tone.NEUTRAL, _("desk")
    MODEL = "model", Tone.NEUTRAL, _("database")


class Why(TonedChoices):
    """The coded answer of the guard; `hiring.services` has the sentences."""

    OTHER_GROUNDS = "other_grounds", Tone.OK, _("stands on other grounds")
    NO_REJECTION = "no_rejection", Tone.OK, _("nobody is rejected")
    AUTHENTICITY_ALONE = "authenticity_alone", Tone.DANGER, _("authenticity alone")
    ONLY_OTHER = "only_other", Tone.DANGER, _("“other” beside authenticity")
    NO_REASON_NOW = "no_reason_now", Tone.DANGER, _("the label counts as no reason now")
