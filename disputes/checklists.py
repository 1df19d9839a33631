"""What checklists of the operated systems get from the dispute desk: the rehearsal's proof, and the open disputes."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.casework.transitions import Refused
from disputes.choices import OPEN_STATES
from disputes.events import RehearsalPassed
from disputes.models import Dispute
from incidents.procedures.actions import DeskAction, register
from incidents.procedures.choices import RunState, StepState
from incidents.procedures.models import RunStep
from incidents.procedures.services import renew, tick

READINESS_KEY = "disputes"
LIST_ACTION = "go_through_disputes"


class OpenDisputes:
    """The label of the button, with the number of open disputes at the moment it is drawn (DSP-12)."""

    def __str__(self) -> str:
        count = Dispute.objects.filter(state__in=OPEN_STATES).count()
        return ngettext("Open the %(count)d open dispute", "Open the %(count)d open disputes", count) % {"count": count}


def declare() -> None:
    register(
        DeskAction(
            name=LIST_ACTION,
            label=OPEN_DISPUTES,
            permission="disputes.view_dispute",
            link=lambda _step: reverse("admin:disputes_dispute_changelist"),
        )
    )


OPEN_DISPUTES = OpenDisputes()


def settle(event: RehearsalPassed) -> int:
    """A passed rehearsal ticks the readiness item that asks for one, or renews its evidence (DSP-09).

    Returns:
        how many steps were ticked or renewed.
    """
    steps = RunStep.objects.filter(
        key=READINESS_KEY, run__procedure__system=event.dispute.system, run__procedure__extra__has_key="gate"
    ).exclude(run__state=RunState.ABANDONED)
    evidence = _("rehearsal %(dispute)s") % {"dispute": event.dispute.reference}
    done = 0
    for step in steps.select_related("run__procedure", "run__incident"):
        act = tick if step.state == StepState.OPEN else renew
        try:
            act(step, actor=None, at=event.at, evidence=evidence)  # type: ignore[arg-type]  # the desk itself
        except Refused:  # somebody must do it by hand: out of order, or with somebody's word
            continue
        done += 1
    return done
