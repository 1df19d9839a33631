"""Words of the assessments room that are fixed in code; labels, reason codes and notes are data."""

from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class Standing(TonedChoices):
    """What a label is worth at present; the only words `standing` answers with (contract.md)."""

    NOT_ASSESSED = "not_assessed", Tone.NEUTRAL, _("not assessed")
    FINAL = "final", Tone.INFO, _("final")
    UNDER_REVIEW = "under_review", Tone.WARN, _("under review")
    LABEL_REMOVED = "label_removed", Tone.OK, _("label removed")
    LABEL_CONFIRMED = "label_confirmed", Tone.INFO, _("label confirmed")
    RESCORED = "rescored", Tone.INFO, _("scored again")
    WITHDRAWN_UNDECIDED = "withdrawn_undecided", Tone.OK, _("withdrawn, not decided in time")


OUTCOMES = frozenset(
    {Standing.LABEL_REMOVED, Standing.LABEL_CONFIRMED, Standing.RESCORED, Standing.WITHDRAWN_UNDECIDED}
)
IN_FORCE = frozenset({Standing.FINAL, Standing.LABEL_CONFIRMED, Standing.RESCORED})


class VersionKind(TonedChoices):
    ORIGINAL = "original", Tone.NEUTRAL, _("as assessed")
    RESCORE = "rescore", Tone.INFO, _("scored again")


class ScoringPart(TonedChoices):
    """What of an assessing system has versions."""

    MODEL = "model", Tone.NEUTRAL, _("model")
    RULES = "rules", Tone.NEUTRAL, _("rules")


class Intake(TonedChoices):
    """The door a snapshot came through; all doors lead to the same checks."""

    API = "api", Tone.NEUTRAL, _("API")
    IMPORT = "import", Tone.NEUTRAL, _("import")
    RESCORE = "rescore", Tone.NEUTRAL, _("scoring service")


class NoticeState(TonedChoices):
    """Whether the person was told of a label that can be contested (SC-39)."""

    NOT_NEEDED = "not_needed", Tone.NEUTRAL, _("not needed")
    MISSING = "missing", Tone.DANGER, _("not told")
    QUEUED = "queued", Tone.WARN, _("message on its way")
    FAILED = "failed", Tone.DANGER, _("message could not be delivered")
    TOLD = "told", Tone.OK, _("told")


UNTOLD = (NoticeState.MISSING, NoticeState.QUEUED, NoticeState.FAILED)


class ViewChannel(TonedChoices):
    STANDING = "standing", Tone.NEUTRAL, _("platform")
    HIRING = "hiring", Tone.NEUTRAL, _("hiring decision")
    DESK = "desk", Tone.NEUTRAL, _("desk")
