from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class Audience(TonedChoices):
    INTERNAL = "internal", Tone.NEUTRAL, _("the team")
    EMPLOYER = "employer", Tone.INFO, _("employers")
    CANDIDATE = "candidate", Tone.INFO, _("candidates")
    REQUESTER = "requester", Tone.INFO, _("the person who asked")
    STATUS = "status", Tone.INFO, _("readers of the status page")


OUTSIDE_AUDIENCES = (Audience.EMPLOYER, Audience.CANDIDATE, Audience.REQUESTER, Audience.STATUS)


class TemplateStanding(TonedChoices):
    """Where a version of a text stands; computed, never stored."""

    CURRENT = "current", Tone.OK, _("in use")
    WAITING = "waiting", Tone.WARN, _("waits for approval")
    OLD = "old", Tone.NEUTRAL, _("replaced")
    WITHDRAWN = "withdrawn", Tone.NEUTRAL, _("not approved")
