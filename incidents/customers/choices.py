from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class Duty(TonedChoices):
    """What a person at a customer is our contact for."""

    INCIDENTS = "incidents", Tone.INFO, _("incidents")
    PRIVACY = "privacy", Tone.NEUTRAL, _("privacy")
    BOTH = "both", Tone.INFO, _("incidents and privacy")


class NoticeChannel(TonedChoices):
    MAIL = "mail", Tone.INFO, _("mail")
    PHONE = "phone", Tone.INFO, _("phone")


class NoticeResult(TonedChoices):
    """How telling one person went."""

    QUEUED = "queued", Tone.INFO, _("on its way")
    ACCEPTED = "accepted", Tone.OK, _("accepted")
    FAILED = "failed", Tone.DANGER, _("not delivered")
    BOUNCED = "bounced", Tone.DANGER, _("came back")
    SPOKEN = "spoken", Tone.OK, _("spoken")
    NOT_REACHED = "not_reached", Tone.WARN, _("not reached")
    LEFT_OUT = "left_out", Tone.NEUTRAL, _("left out: does not want these")


TOLD = (NoticeResult.ACCEPTED, NoticeResult.SPOKEN)


class Topic(TonedChoices):
    """What a person may unsubscribe from. Notices about incidents are owed by contract and cannot be."""

    STATUS = "status", Tone.INFO, _("news of the status page")
    MAINTENANCE = "maintenance", Tone.INFO, _("notices of maintenance")
