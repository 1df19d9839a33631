"""A proven backup settles the checklists that ask for one (INC-91): each open step is ticked, with the proof as evidence."""

from django.utils.translation import gettext as _

from config.casework.catalogue.models import System
from config.casework.transitions import Refused
from incidents.backups.events import BackupVerified
from incidents.procedures.choices import RunState, StepState
from incidents.procedures.models import RunStep
from incidents.procedures.services import tick


def settle(event: BackupVerified) -> int:
    """Tick the open steps of checklists under way that a runbook names as those of backup verification.

    A step that a person must tick (out of order, or with somebody's word) is left to them.

    Returns:
        how many steps were ticked.
    """
    keys = [key for key in System.objects.values_list("settings__backup_checklist", flat=True) if key]
    steps = RunStep.objects.filter(
        run__state=RunState.ACTIVE, run__procedure__key__in=keys, state=StepState.OPEN
    ).select_related("run__procedure", "run__incident")
    row, ticked = event.verification, 0
    evidence = _("backup verification %(number)s: %(place)s") % {"number": row.pk, "place": row.place}
    for step in steps.order_by("run", "position"):
        try:
            tick(step, actor=None, at=event.at, evidence=evidence[:300])  # type: ignore[arg-type]  # the desk itself
        except Refused:
            break
        ticked += 1
    return ticked
