"""Words of the dispute desk that are fixed in code; what a runbook or a lead may change is data."""

from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class DisputeState(TonedChoices):
    """Accepting a dispute is one moment: from then on the assessment is under review."""

    UNDER_REVIEW = "under_review", Tone.INFO, _("under review")
    DECIDED = "decided", Tone.OK, _("decided")
    APPEALED = "appealed", Tone.WARN, _("under appeal")
    WITHDRAWN_UNDECIDED = "withdrawn_undecided", Tone.DANGER, _("withdrawn undecided")
    CLOSED = "closed", Tone.NEUTRAL, _("closed")


IN_REVIEW = (DisputeState.UNDER_REVIEW, DisputeState.APPEALED)
OPEN_STATES = (*IN_REVIEW, DisputeState.DECIDED, DisputeState.WITHDRAWN_UNDECIDED)


class Outcome(TonedChoices):
    """How a dispute ended (DSP-11); "upheld" and "rejected" are not used."""

    LABEL_REMOVED = "label_removed", Tone.OK, _("label removed")
    LABEL_CONFIRMED = "label_confirmed", Tone.NEUTRAL, _("label stays")
    RESCORED = "rescored", Tone.INFO, _("scored anew")
    WITHDRAWN_UNDECIDED = "withdrawn_undecided", Tone.DANGER, _("label withdrawn, undecided in time")


DECISIONS = (Outcome.LABEL_REMOVED, Outcome.LABEL_CONFIRMED, Outcome.RESCORED)
IN_FAVOUR = (Outcome.LABEL_REMOVED, Outcome.RESCORED, Outcome.WITHDRAWN_UNDECIDED)


class Stage(TonedChoices):
    REVIEW = "review", Tone.INFO, _("review")
    APPEAL = "appeal", Tone.WARN, _("appeal")


class Clock(TonedChoices):
    """The clocks of a dispute; their kinds stand in `Deadline.kind`."""

    ACKNOWLEDGE = "acknowledge", Tone.DANGER, _("take it")
    DECIDE = "decide", Tone.DANGER, _("decide")
    REVERSE = "reverse", Tone.WARN, _("reverse the consequences")
    ACCOUNT = "account", Tone.WARN, _("say why it stayed undecided")


PROMISED = (Clock.ACKNOWLEDGE, Clock.DECIDE)


class Circumstance(TonedChoices):
    """What may lie behind a reason code without any fault (rules: "Disputes"); special-category data."""

    DICTATION = "dictation", Tone.NEUTRAL, _("I dictated instead of typing")
    SCREEN_READER = "screen_reader", Tone.NEUTRAL, _("I used a screen reader")
    ASSISTIVE = "assistive", Tone.NEUTRAL, _("I used other assistive technology")
    ADJUSTMENT = "adjustment", Tone.NEUTRAL, _("An adjustment was agreed with me")
    SECOND_LANGUAGE = "second_language", Tone.NEUTRAL, _("It was not in my first language")
    SLOW_DEVICE = "slow_device", Tone.NEUTRAL, _("My device was slow or shared")
    CONNECTION = "connection", Tone.NEUTRAL, _("My connection dropped")


class Point(TonedChoices):
    """What a candidate contests."""

    LABEL = "label", Tone.NEUTRAL, _("That I had heavy assistance")
    MEASUREMENT = "measurement", Tone.NEUTRAL, _("What was measured, or that parts of it are missing")
    PERSON = "person", Tone.NEUTRAL, _("That the assessment is about me")
    OTHER = "other", Tone.NEUTRAL, _("Something else")
