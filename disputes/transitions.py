"""What may follow what on the dispute desk."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone
from config.casework.transitions import Machine, Transition, states
from disputes import effects, guards
from disputes.choices import IN_REVIEW, DisputeState
from disputes.decisions.models import Reversal, ReversalState
from disputes.models import Dispute

REVIEW = "disputes.review_dispute"
CHANGE = "disputes.change_dispute"
DESK_ONLY = "disputes.desk_alone"  # held by nobody: the desk itself takes the step

DISPUTE: Machine[Any] = Machine(
    noun="dispute",
    field="state",
    states=DisputeState,
    transitions={
        "acknowledge": Transition(
            label=_("I review it"),
            action="acknowledged",
            sources=states(*IN_REVIEW),
            permission=REVIEW,
            stamps=("acknowledged_at",),
            actor_stamps=("acknowledged_by",),
            guards=(guards.nobody_else_has_it, guards.by_a_reviewer),
            effects=(effects.taken,),
            consequence=_("The candidate is told that a person has it. You read their account before any score."),
            tone=Tone.OK,
            primary=True,
        ),
        "hand_back": Transition(
            label=_("Hand it back"),
            action="handed_back",
            sources=states(*IN_REVIEW),
            permission=REVIEW,
            guards=(guards.is_theirs,),
            effects=(effects.handed_back,),
            consequence=_("Somebody else can take it. The clocks run on."),
        ),
        "decide": Transition(
            label=_("Decide"),
            action="decided",
            sources=states(*IN_REVIEW),
            target=DisputeState.DECIDED,
            permission=REVIEW,
            fields=("outcome", "reasons"),
            stamps=("decided_at",),
            actor_stamps=("decided_by",),
            guards=(guards.by_a_reviewer, guards.is_reviewed, guards.outcome_fits, guards.is_jointly_decided),
            effects=(effects.decided,),
            already=_("It is decided already."),
            consequence=_("Candidate, employer and everybody who got the label are told at once."),
            tone=Tone.WARN,
            primary=True,
        ),
        "appeal": Transition(
            label=_("Appeal"),
            action="appealed",
            sources=states(DisputeState.DECIDED),
            target=DisputeState.APPEALED,
            permission=CHANGE,
            fields=("appeal_grounds",),
            stamps=("appealed_at",),
            guards=(guards.appeal_is_open,),
            effects=(effects.appealed,),
            consequence=_("Another person decides. The label is under review again at once."),
            tone=Tone.WARN,
        ),
        "time_out": Transition(
            label=_("Withdraw undecided"),
            action="withdrawn_undecided",
            sources=states(*IN_REVIEW),
            target=DisputeState.WITHDRAWN_UNDECIDED,
            permission=DESK_ONLY,
            fields=("outcome",),
            stamps=("undecided_at",),
            guards=(guards.by_the_desk_alone,),
            effects=(effects.timed_out,),
        ),
        "give_up": Transition(
            label=_("The candidate ends it"),
            action="ended_by_candidate",
            sources=states(*IN_REVIEW),
            target=DisputeState.CLOSED,
            permission=DESK_ONLY,
            stamps=("closed_at",),
            guards=(guards.by_the_desk_alone,),
            effects=(effects.given_up,),
        ),
        "account": Transition(
            label=_("Say why it stayed undecided"),
            action="accounted",
            sources=states(DisputeState.WITHDRAWN_UNDECIDED),
            permission=CHANGE,
            fields=("fault_account",),
            effects=(effects.accounted,),
            consequence=_(
                "It is our fault, and stays on record as one. What you change so that it does not happen again belongs here."
            ),
            primary=True,
        ),
        "close": Transition(
            label=_("Close"),
            action="closed",
            sources=states(DisputeState.DECIDED, DisputeState.WITHDRAWN_UNDECIDED),
            target=DisputeState.CLOSED,
            permission=CHANGE,
            stamps=("closed_at",),
            guards=(
                guards.says_why_undecided,
                guards.appeal_is_over,
                guards.all_is_put_right,
                guards.everybody_was_told,
            ),
            effects=(effects.closed,),
            consequence=_("The record is complete. What was said of circumstances is deleted."),
            tone=Tone.NEUTRAL,
        ),
    },
)

REVERSAL: Machine[Any] = Machine(
    noun="reversal",
    field="state",
    states=ReversalState,
    transitions={
        "finish": Transition(
            label=_("Put right"),
            action="finished",
            sources=states(ReversalState.OPEN),
            target=ReversalState.DONE,
            permission=CHANGE,
            fields=("result",),
            stamps=("done_at",),
            actor_stamps=("done_by",),
            effects=(effects.reversal_settled,),
            tone=Tone.OK,
            primary=True,
        ),
        "drop": Transition(
            label=_("Not needed"),
            action="dropped",
            sources=states(ReversalState.OPEN),
            target=ReversalState.DROPPED,
            permission=CHANGE,
            fields=("result",),
            stamps=("done_at",),
            actor_stamps=("done_by",),
            effects=(effects.reversal_settled,),
        ),
    },
)

Dispute.MACHINE = DISPUTE
Reversal.MACHINE = REVERSAL
