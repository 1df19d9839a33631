"""What may follow what in reviews."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone
from config.casework.transitions import Machine, Transition, states
from incidents.reviews import actions, guards, summaries
from incidents.reviews.choices import ActionState, PostmortemState, SummaryState
from incidents.reviews.models import ActionItem, Postmortem, ReviewSummary

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
            effects=(actions.begin_reminders,),
            consequence=_("Its owner is reminded again."),
        ),
    },
)

SUMMARY: Machine[Any] = Machine(
    noun="summary",
    field="state",
    states=SummaryState,
    transitions={
        "approve": Transition(
            label=_("Approve"),
            action="approved",
            sources=states(SummaryState.DRAFT),
            target=SummaryState.APPROVED,
            permission="incidents.lead_incident",
            stamps=("approved_at",),
            actor_stamps=("approved_by",),
            guards=(summaries.another_person_wrote_it, summaries.nothing_guarded),
            already=_("It is approved already."),
            consequence=_("It may be told outside."),
            tone=Tone.OK,
            primary=True,
        ),
        "withdraw": Transition(
            label=_("Take the approval back"),
            action="withdrawn",
            sources=states(SummaryState.APPROVED),
            target=SummaryState.DRAFT,
            permission="incidents.lead_incident",
            already=_("It is not approved."),
            consequence=_("It may no longer be told outside."),
            tone=Tone.WARN,
        ),
    },
)

Postmortem.MACHINE = POSTMORTEM
ReviewSummary.MACHINE = SUMMARY
ActionItem.MACHINE = ACTION_ITEM
