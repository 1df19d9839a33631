"""What may follow what in reviews."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone
from config.casework.transitions import Machine, Transition, states
from incidents.reviews import guards
from incidents.reviews.choices import ActionState, PostmortemState
from incidents.reviews.models import ActionItem, Postmortem

POSTMORTEM: Machine[Any] = Machine(
    noun="postmortem",
    field="state",
    states=PostmortemState,
    transitions={
        "publish": Transition(
            label=_("Publish"),
            action="published",
            sources=states(PostmortemState.DRAFT),
            target=PostmortemState.PUBLISHED,
            permission="incidents.change_postmortem",
            stamps=("published_at",),
            actor_stamps=("published_by",),
            guards=(guards.every_field_is_filled,),
            already=_("It is published already."),
            consequence=_("Everybody at the desk can read it, and the incident can be closed."),
            tone=Tone.OK,
            primary=True,
        ),
        "revise": Transition(
            label=_("Revise"),
            action="revised",
            sources=states(PostmortemState.PUBLISHED),
            target=PostmortemState.DRAFT,
            permission="incidents.change_postmortem",
            already=_("It is a draft already."),
            consequence=_("It becomes a draft again; an open incident cannot be closed meanwhile."),
        ),
    },
)

ACTION_ITEM: Machine[Any] = Machine(
    noun="action_item",
    field="state",
    states=ActionState,
    transitions={
        "finish": Transition(
            label=_("Done"),
            action="finished",
            sources=states(ActionState.OPEN),
            target=ActionState.DONE,
            permission="incidents.change_actionitem",
            optional=("outcome",),
            stamps=("finished_at",),
            already=_("It is settled already."),
            tone=Tone.OK,
            primary=True,
        ),
        "drop": Transition(
            label=_("Drop"),
            action="dropped",
            sources=states(ActionState.OPEN),
            target=ActionState.DROPPED,
            permission="incidents.change_actionitem",
            fields=("outcome",),
            stamps=("finished_at",),
            already=_("It is settled already."),
            consequence=_("Say why it will not be done."),
        ),
        "reopen": Transition(
            label=_("Reopen"),
            action="reopened",
            sources=states(ActionState.DONE, ActionState.DROPPED),
            target=ActionState.OPEN,
            permission="incidents.change_actionitem",
        ),
    },
)

Postmortem.MACHINE = POSTMORTEM
ActionItem.MACHINE = ACTION_ITEM
