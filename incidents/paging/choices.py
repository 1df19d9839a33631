from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class PageReason(TonedChoices):
    OPENED = "opened", Tone.DANGER, _("new incident")
    UNACKNOWLEDGED = "unacknowledged", Tone.DANGER, _("nobody has acknowledged")
    HANDED = "handed", Tone.WARN, _("handed over")
    EXPIRED = "expired", Tone.DANGER, _("nobody worked on it any more")
    LAPSED = "lapsed", Tone.DANGER, _("the acknowledgement was not confirmed")


class PageState(TonedChoices):
    SENT = "sent", Tone.INFO, _("sent")
    ACKNOWLEDGED = "acknowledged", Tone.OK, _("acknowledged")
    SKIPPED = "skipped", Tone.WARN, _("skipped")
    FAILED = "failed", Tone.DANGER, _("no way led to the person")


class CallState(TonedChoices):
    WAITING = "waiting", Tone.INFO, _("waiting")
    SENT = "sent", Tone.OK, _("sent")
    FAILED = "failed", Tone.DANGER, _("failed")
    DROPPED = "dropped", Tone.NEUTRAL, _("no longer needed")


class PageHours(TonedChoices):
    """When a step may page."""

    ALWAYS = "always", Tone.DANGER, _("at any time")
    BUSINESS_HOURS = "business_hours", Tone.WARN, _("in business hours")
