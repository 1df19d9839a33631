from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class Channel(TonedChoices):
    EMAIL = "email", Tone.INFO, _("mail")
    CHAT = "chat", Tone.INFO, _("chat")
    SMS = "sms", Tone.INFO, _("SMS")
    PUSH = "push", Tone.INFO, _("push")
    VOICE = "voice", Tone.INFO, _("call")


class MessageState(TonedChoices):
    QUEUED = "queued", Tone.INFO, _("queued")
    SENDING = "sending", Tone.INFO, _("sending")
    SENT = "sent", Tone.OK, _("sent")
    DELIVERED = "delivered", Tone.OK, _("delivered")
    FAILED = "failed", Tone.DANGER, _("failed")
    OUTREACH = "outreach", Tone.WARN, _("to be reached by hand")
    EXPIRED = "expired", Tone.NEUTRAL, _("no longer needed")


class Purpose(TonedChoices):
    PAGE = "page", Tone.DANGER, _("page")
    ESCALATION = "escalation", Tone.DANGER, _("escalation")
    REMINDER = "reminder", Tone.WARN, _("reminder")
    UPDATE = "update", Tone.INFO, _("update to users")
    INTERNAL = "internal", Tone.NEUTRAL, _("internal update")
    NOTICE = "notice", Tone.INFO, _("notice")
    TEST = "test", Tone.NEUTRAL, _("test page")
