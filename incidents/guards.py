"""Why a step on an incident has to wait: each guard returns the sentence, or None."""

from django.utils.translation import gettext as _

from config.casework.access.actors import actor_user
from config.casework.transitions import Step
from incidents.choices import UNRESOLVED
from incidents.clocks import was_somebody_told
from incidents.models import Incident


def not_yet_acknowledged(step: Step[Incident]) -> str | None:
    incident = step.obj
    was_provisional = step.before.get("acknowledgement_provisional", incident.acknowledgement_provisional)
    for_now = step.values.get("acknowledgement_provisional", False)
    if for_now and actor_user(step.actor) is None:
        return _("Only a person takes it for now.")
    if incident.acknowledged_at is None or (was_provisional and not for_now) or incident.acknowledgement_expired:
        return None
    who = incident.acknowledged_by.get_full_name() if incident.acknowledged_by else _("the desk")
    return _("%(who)s has it already.") % {"who": who}


def severity_of_the_system(step: Step[Incident]) -> str | None:
    severity = step.obj.severity
    if severity is None or severity.system_id == step.obj.system_id:
        return None
    return _("%(severity)s is not a severity of %(system)s.") % {"severity": severity, "system": step.obj.system}


def severity_and_scope_are_judged(step: Step[Incident]) -> str | None:
    if step.obj.severity_id and step.obj.scope:
        return None
    return _("Closing needs severity and scope. Judge them under “Change severity or scope”.")


def no_other_case_of_the_same_trouble(step: Step[Incident]) -> str | None:
    """One open case for each trouble: the newer one has taken over."""
    incident = step.obj
    if not incident.source_key:
        return None
    others = Incident.objects.filter(source=incident.source, source_key=incident.source_key, state__in=UNRESOLVED)
    newer = others.exclude(pk=incident.pk).first()
    return (
        _("%(reference)s is open for the same trouble. Go on there.") % {"reference": newer.reference}
        if newer
        else None
    )


def has_a_measure_or_says_why_none(step: Step[Incident]) -> str | None:
    if step.obj.no_mitigation_reason or step.obj.mitigations.exists():
        return None
    return _("Record the measure that was taken, or say why none was needed.")


def not_before_it_began(step: Step[Incident]) -> str | None:
    if step.at >= step.obj.received_at:
        return None
    return _("This time lies before the incident was received.")


def somebody_was_told(step: Step[Incident]) -> str | None:
    if step.obj.duplicate_of_id or step.obj.no_communication_reason or was_somebody_told(step.obj):
        return None
    return _("Closing needs a message to somebody, or the reason why nobody needed to be told.")


def not_flagged_yet(step: Step[Incident]) -> str | None:
    if step.before.get("breach_aware_at") is None:
        return None
    return _("It is flagged already; its clock runs.")


def is_flagged(step: Step[Incident]) -> str | None:
    if step.obj.breach_aware_at is not None:
        return None
    return _("It is not flagged as a breach of personal data.")


def authority_not_told_yet(step: Step[Incident]) -> str | None:
    told = step.before.get("authority_notified_at", step.obj.authority_notified_at)
    return None if told is None else _("The authority was told already.")


def authority_is_told(step: Step[Incident]) -> str | None:
    """A breach of personal data is not closed before the authority was told, or the flag taken back (GDPR-19)."""
    if step.obj.breach_aware_at is None or step.obj.authority_notified_at is not None:
        return None
    return _("Closing needs the report to the authority, or the flag “personal data” taken back.")


def agreed_notices_are_given(step: Step[Incident]) -> str | None:
    """A notice time agreed by contract is kept, late or not, before the record is complete."""
    if step.obj.duplicate_of_id:
        return None  # its customers are told where it was merged into
    owed = step.obj.affected.filter(told_at=None).exclude(agreed="").values_list("organization__name", flat=True)
    names = ", ".join(owed.order_by("organization__name")[:5])
    if not names:
        return None
    return _("Not told yet: %(names)s. Send a message or log the call under Messages.") % {"names": names}
