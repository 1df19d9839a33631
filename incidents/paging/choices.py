from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class PageReason(TonedChoices):
    OPENED = "opened", Tone.DANGER, _("new incident")
    UNACKNOWLEDGED = "unacknowledged", Tone.DANGER, _("nobody has acknowledged")
    HANDED = "handed", Tone.WARN, _("handed over")
    LAPSED = "lapsed", Tone.DANGER, _("the acknowledgement was not confirmed")


class PageState(TonedChoices):
    SENT = "sent", Tone.INFO, _("sent")
    ACKNOWLEDGED = "acknowledged", Tone.OK, _("acknowledged")
    SKIPPED = "skipped", Tone.WARN, _("skipped")
