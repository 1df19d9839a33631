"""What may follow what in a maintenance window."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone
from config.casework.events import publish
from config.casework.transitions import Machine, Step, Transition, states
from incidents.maintenance import notices
from incidents.maintenance.choices import Stage, WindowState
from incidents.maintenance.events import MaintenanceBegun, MaintenanceEnded
from incidents.maintenance.models import MaintenanceWindow

CHANGE = "incidents.change_maintenancewindow"


def _ends_after_now(step: Step[MaintenanceWindow]) -> str | None:
    if step.obj.ends_at > max(step.at, step.obj.starts_at):
        return None
    return str(_("The new end must lie in the future, after the beginning."))


def _begun(step: Step[MaintenanceWindow]) -> None:
    """Begun early by hand, it runs from now."""
    window = step.obj
    if window.starts_at > step.at:
        window.starts_at = step.at
        window.save(update_fields=["starts_at"])
    if step.at < window.ends_at:
        notices.tell(window, Stage.START, at=step.at)
    publish(MaintenanceBegun(window, step.at))


def _finished(step: Step[MaintenanceWindow]) -> None:
    notices.tell(step.obj, Stage.COMPLETION, at=step.at)
    publish(MaintenanceEnded(step.obj, step.at))


def _cancelled(step: Step[MaintenanceWindow]) -> None:
    """Whoever was told that it comes is told that it does not."""
    if step.obj.messages.filter(stage=Stage.NOTICE).exists():
        notices.tell(step.obj, Stage.CANCELLATION, at=step.at)


MAINTENANCE: Machine[Any] = Machine(
    noun="maintenance",
    field="state",
    states=WindowState,
    transitions={
        "begin": Transition(
            label=_("Begin now"),
            action="begun",
            sources=states(WindowState.PLANNED),
            target=WindowState.RUNNING,
            permission=CHANGE,
            stamps=("begun_at",),
            effects=(_begun,),
            consequence=_("Alerts of this system page nobody until the end. Customers are told that it begins."),
            tone=Tone.WARN,
            primary=True,
        ),
        "finish": Transition(
            label=_("Finished"),
            action="finished",
            sources=states(WindowState.RUNNING),
            target=WindowState.COMPLETED,
            permission=CHANGE,
            stamps=("finished_at",),
            effects=(_finished,),
            consequence=_("Customers are told that it is done. What still fires is paged from the first step."),
            tone=Tone.OK,
            primary=True,
        ),
        "extend": Transition(
            label=_("Move the end"),
            action="extended",
            sources=states(WindowState.PLANNED, WindowState.RUNNING),
            permission=CHANGE,
            fields=("ends_at",),
            guards=(_ends_after_now,),
            consequence=_("Pages are held back until the new end. Nobody is told by itself: write to customers."),
            tone=Tone.WARN,
        ),
        "cancel": Transition(
            label=_("Cancel it"),
            action="cancelled",
            sources=states(WindowState.PLANNED),
            target=WindowState.CANCELLED,
            permission=CHANGE,
            fields=("why",),
            effects=(_cancelled,),
            already=_("Only what has not begun can be cancelled. End it with “Finished”."),
            consequence=_("It does not take place. Whoever was told that it comes is told that it does not."),
            tone=Tone.DANGER,
        ),
    },
)
MaintenanceWindow.MACHINE = MAINTENANCE
