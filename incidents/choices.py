"""Words of the incident desk that are fixed in code; what a runbook may change is data."""

from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class IncidentState(TonedChoices):
    DETECTED = "detected", Tone.DANGER, _("detected")
    TRIAGED = "triaged", Tone.WARN, _("triaged")
    STABILIZED = "stabilized", Tone.INFO, _("stabilised")
    RESOLVED = "resolved", Tone.OK, _("resolved")
    CLOSED = "closed", Tone.NEUTRAL, _("closed")


UNRESOLVED = (IncidentState.DETECTED, IncidentState.TRIAGED, IncidentState.STABILIZED)
OPEN_STATES = (*UNRESOLVED, IncidentState.RESOLVED)


class Source(TonedChoices):
    ALERT = "alert", Tone.INFO, _("alert")
    USER_TICKET = "user_ticket", Tone.INFO, _("message of a user")
    MANUAL = "manual", Tone.INFO, _("reported by hand")


class Clock(TonedChoices):
    """The clocks of an incident; their kinds stand in `Deadline.kind`."""

    ACKNOWLEDGE = "acknowledge", Tone.DANGER, _("acknowledge")
    CONFIRM = "confirm", Tone.WARN, _("confirm the acknowledgement")
    RENEW = "renew", Tone.WARN, _("stay on it")
    MITIGATE = "mitigate", Tone.DANGER, _("mitigate")
    UPDATE = "update", Tone.WARN, _("next update")
    REVERT = "take_back", Tone.WARN, _("take back the measure")
    PAPERWORK = "complete_record", Tone.WARN, _("complete the record")
    ACTION = "action", Tone.WARN, _("action item")
    AUTHORITY = "report_breach", Tone.DANGER, _("report the breach to the authority")
    NOTICE = "notice", Tone.DANGER, _("tell the customer")


SLA_CLOCKS = (Clock.ACKNOWLEDGE, Clock.MITIGATE)


class MitigationStatus(TonedChoices):
    APPLIED = "applied", Tone.WARN, _("applied")
    REVERTED = "reverted", Tone.OK, _("taken back")
