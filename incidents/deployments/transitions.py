"""What may follow what in a deployment."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone
from config.casework.transitions import Machine, Transition, states
from incidents.deployments import effects, guards
from incidents.deployments.choices import DeploymentState
from incidents.deployments.models import Deployment

CHANGE = "incidents.change_deployment"

DEPLOYMENT: Machine[Any] = Machine(
    noun="deployment",
    field="state",
    states=DeploymentState,
    transitions={
        "start": Transition(
            label=_("Start the deployment"),
            action="started",
            sources=states(DeploymentState.PLANNED),
            target=DeploymentState.RUNNING,
            permission=CHANGE,
            stamps=("started_at",),
            guards=(guards.prerequisites_are_met, guards.no_other_is_under_way, guards.nobody_objects),
            effects=(effects.started,),
            already=_("It was started already."),
            consequence=_("The steps are copied here, to be ticked in their order."),
            primary=True,
        ),
        "watch": Transition(
            label=_("Begin the watch"),
            action="watched",
            sources=states(DeploymentState.RUNNING),
            target=DeploymentState.WATCHING,
            permission=CHANGE,
            stamps=("watching_at",),
            guards=(guards.steps_are_settled,),
            effects=(effects.watched,),
            already=_("The watch begins when the steps are settled."),
            consequence=_("It can be called done when the watch is over."),
            primary=True,
        ),
        "finish": Transition(
            label=_("Done"),
            action="finished",
            sources=states(DeploymentState.WATCHING),
            target=DeploymentState.DONE,
            permission=CHANGE,
            stamps=("closed_at",),
            guards=(guards.watch_is_over,),
            already=_("It is called done after its watch."),
            consequence=_("This version counts as the one that runs."),
            tone=Tone.OK,
            primary=True,
        ),
        "roll_back": Transition(
            label=_("Start rollback"),
            action="rollback_started",
            sources=states(DeploymentState.RUNNING, DeploymentState.WATCHING, DeploymentState.DONE),
            target=DeploymentState.ROLLING_BACK,
            permission=CHANGE,
            fields=("rollback_reason",),
            optional=("previous_version", "backup_at"),
            stamps=("rollback_started_at",),
            guards=(guards.knows_the_way_back, guards.no_other_is_under_way),
            effects=(effects.rolling_back,),
            already=_("There is nothing to roll back."),
            consequence=_("The clock of the way back starts now. What is open here is put aside."),
            tone=Tone.DANGER,
        ),
        "rolled_back": Transition(
            label=_("Rolled back"),
            action="rolled_back",
            sources=states(DeploymentState.ROLLING_BACK),
            target=DeploymentState.ROLLED_BACK,
            permission=CHANGE,
            stamps=("rolled_back_at", "closed_at"),
            guards=(guards.rollback_is_settled,),
            effects=(effects.rolled_back,),
            already=_("Start the rollback first."),
            consequence=_("The previous version counts as the one that runs."),
            primary=True,
        ),
        "call_off": Transition(
            label=_("Call it off"),
            action="called_off",
            sources=states(DeploymentState.PLANNED),
            target=DeploymentState.CALLED_OFF,
            permission=CHANGE,
            fields=("called_off_reason",),
            stamps=("closed_at",),
            effects=(effects.called_off,),
            already=_("It was started. Finish it, or start the rollback."),
            consequence=_("Nothing is deployed."),
        ),
    },
)

Deployment.MACHINE = DEPLOYMENT
