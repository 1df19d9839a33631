"""A suspected breach: the gravest level, few eyes, the ordered procedure, and the second clock (SEC-18, SEC-20, GDPR-19)."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.access.services import require, share
from config.casework.audit.services import record
from config.casework.transitions import apply
from incidents.models import Incident
from incidents.procedures.choices import ProcedureKind
from incidents.procedures.models import Procedure
from incidents.procedures.runs import start_run
from incidents.services import open_incident
from incidents.severity.models import Severity

REPORT = "incidents.add_incident"


def report_breach(
    procedure: Procedure,
    *,
    title: str,
    actor: User,
    at: datetime,
    description: str = "",
    personal_data: bool = False,
) -> Incident:
    """Open the case of a suspected breach: always of the level its procedure names, seen by those who must act alone.

    Its owner, who speaks for us and the reporter see it; others when it is shared with them.

    Args:
        personal_data: personal data are affected, known since `at`: the 72 hours start.
    Raises:
        ValidationError: no breach procedure, or the case is refused; keyed by field.
        PermissionDenied: the actor may not report incidents.
    """
    require(actor, REPORT)
    if procedure.kind != ProcedureKind.BREACH or not procedure.is_active:
        raise ValidationError({"procedure": _("This is no breach procedure.")})
    levels = Severity.objects.filter(system=procedure.system).select_related("system__calendar").order_by("rank")
    named = procedure.extra.get("severity")
    severity = (levels.filter(key=named) if named else levels).first()
    with transaction.atomic():
        incident = open_incident(
            procedure.system, title=title, actor=actor, at=at, severity=severity, description=description
        )
        _hide(incident, actor=actor, at=at)
        start_run(procedure, actor=None, at=at, incident=incident)
        if personal_data:
            apply(incident, "flag_breach", actor=actor, at=at)
    incident.refresh_from_db()
    return incident


def _hide(incident: Incident, *, actor: User, at: datetime) -> None:
    """Restrict it to the people who must act; without an owner the reporter has it."""
    Incident.objects.filter(pk=incident.pk).update(restricted=True, owner=incident.owner or actor)
    incident.refresh_from_db()
    record(incident, "incident.restricted", actor=actor, at=at, fields=["restricted"])
    for person in {incident.comms_lead, actor} - {incident.owner, None}:
        if person is not None and person.is_active:
            share(incident, person, actor=None, at=at)
