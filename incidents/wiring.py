"""The acts of the desk that steps of procedures may offer by name; rooms to come add their own."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework.access.models import User
from config.casework.transitions import Refused, apply
from incidents.continuity.models import Fallback
from incidents.continuity.services import switch_fallback
from incidents.procedures.actions import DeskAction, register
from incidents.procedures.models import RunStep


def declare() -> None:
    register(
        DeskAction(
            name="send_message",
            label=gettext_lazy("Write the message"),
            permission="incidents.add_communication",
            link=_messages_page,
        )
    )
    register(
        DeskAction(
            name="switch_fallback",
            label=gettext_lazy("Switch the fallback on"),
            permission="incidents.change_fallback",
            perform=_switch_on,
        )
    )
    register(
        DeskAction(
            name="start_rollback",
            label=gettext_lazy("Start rollback"),
            permission="incidents.change_deployment",
            link=_rollback_page,
        )
    )
    register(
        DeskAction(
            name="flag_breach",
            label=gettext_lazy("Personal data are affected"),
            permission="incidents.change_incident",
            perform=_flag_breach,
        )
    )


def _messages_page(step: RunStep) -> str:
    incident = step.run.incident
    return f"{reverse('admin:incidents_incident_change', args=[incident.pk])}?tab=messages" if incident else ""


def _rollback_page(step: RunStep) -> str:
    deployment = step.run.deployment
    return reverse("admin:incidents_deployment_step", args=[deployment.pk, "roll_back"]) if deployment else ""


def _switch_on(step: RunStep, actor: User, at: datetime) -> str:
    """Switch on the fallback that belongs to the playbook of this step."""
    fallback = Fallback.objects.filter(procedure=step.run.procedure_id, is_active=True).first()
    if fallback is None:
        raise Refused(_("No fallback belongs to this playbook."))
    reference = step.run.incident.reference if step.run.incident else step.run.title
    switch_fallback(fallback, on=True, actor=actor, at=at, reason=reference)
    return _("“%(fallback)s” is on.") % {"fallback": fallback.title}


def _flag_breach(step: RunStep, actor: User, at: datetime) -> str:
    if step.run.incident is None:
        raise Refused(_("This run belongs to no incident."))
    apply(step.run.incident, "flag_breach", actor=actor, at=at)
    return _("Flagged: personal data are affected. The 72 hours run.")
