from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class BackupResult(TonedChoices):
    DONE = "done", Tone.OK, _("done")
    FAILED = "failed", Tone.DANGER, _("failed")


class VerificationState(TonedChoices):
    VERIFIED = "verified", Tone.OK, _("verified")
    HELD = "held", Tone.WARN, _("restored, not verified")
    FAILED = "failed", Tone.DANGER, _("failed")
