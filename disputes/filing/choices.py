from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class FilingState(TonedChoices):
    DRAFT = "draft", Tone.NEUTRAL, _("not sent")
    WAITING = "waiting", Tone.WARN, _("waits for the confirmation")
    CONFIRMED = "confirmed", Tone.INFO, _("confirmed")
    ACCEPTED = "accepted", Tone.OK, _("accepted")
    JOINED = "joined", Tone.OK, _("joined the dispute there is")
    UNKNOWN = "unknown", Tone.NEUTRAL, _("fits no assessment")
    EXPIRED = "expired", Tone.NEUTRAL, _("never confirmed")


class Way(TonedChoices):
    LINK = "link", Tone.OK, _("by the link of the notice")
    MAIL = "mail", Tone.INFO, _("by reference and mail")
    ADDITION = "addition", Tone.INFO, _("added later")
    STAFF = "staff", Tone.NEUTRAL, _("recorded by staff")
