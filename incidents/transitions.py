"""What may follow what on the incident desk."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.casework.approvals.services import approved
from config.casework.choices import Tone
from config.casework.transitions import Machine, Transition, states
from incidents import clocks, guards
from incidents.choices import UNRESOLVED, IncidentState, MitigationStatus
from incidents.links import effects as links
from incidents.links.guards import no_duplicate
from incidents.models import Incident, Mitigation
from incidents.reviews import actions as reviews
from incidents.reviews import guards as review_guards

CHANGE = "incidents.change_incident"
LEAD = "incidents.lead_incident"
JOINT_DECISION = "joint_decision"

INCIDENT: Machine[Any] = Machine(
    noun="incident",
    field="state",
    states=IncidentState,
    transitions={
        "acknowledge": Transition(
            label=_("I have it"),
            action="acknowledged",
            sources=states(*UNRESOLVED),
            permission=CHANGE,
            stamps=("acknowledged_at",),
            actor_stamps=("acknowledged_by",),
            optional=("acknowledgement_provisional",),
            guards=(guards.not_yet_acknowledged, guards.not_before_it_began),
            effects=(clocks.acknowledged,),
            already=_("It is resolved already; your word is kept as a note."),
            consequence=_("Paging stops. You lead until you hand over."),
            tone=Tone.OK,
            primary=True,
            takes_time=True,
        ),
        "triage": Transition(
            label=_("Triage"),
            action="triaged",
            sources=states(IncidentState.DETECTED),
            target=IncidentState.TRIAGED,
            permission=CHANGE,
            fields=("severity", "scope"),
            optional=("data_loss_risk", "impacts_hiring"),
            stamps=("triaged_at",),
            guards=(no_duplicate, guards.severity_of_the_system),
            effects=(clocks.severity_judged,),
            consequence=_("The clocks follow the severity, counted from the detection."),
            tone=Tone.WARN,
            primary=True,
        ),
        "reclassify": Transition(
            label=_("Change severity or scope"),
            action="reclassified",
            sources=states(IncidentState.TRIAGED, IncidentState.STABILIZED, IncidentState.RESOLVED),
            permission=CHANGE,
            fields=("severity", "scope"),
            optional=("data_loss_risk", "impacts_hiring"),
            guards=(guards.severity_of_the_system,),
            effects=(clocks.severity_judged,),
            consequence=_("The clocks follow the severity, counted from the detection; pauses stay."),
        ),
        "stabilize": Transition(
            label=_("Stabilised"),
            action="stabilized",
            sources=states(IncidentState.TRIAGED),
            target=IncidentState.STABILIZED,
            permission=CHANGE,
            optional=("no_mitigation_reason",),
            stamps=("stabilized_at",),
            guards=(guards.has_a_measure_or_says_why_none, guards.not_before_it_began),
            effects=(clocks.mitigated,),
            already=_("Triage it first: severity and scope are not judged yet."),
            consequence=_("The clock for mitigation is met."),
            primary=True,
            takes_time=True,
        ),
        "impact_over": Transition(
            label=_("Impact is over"),
            action="impact_over",
            sources=states(*UNRESOLVED, IncidentState.RESOLVED),
            permission=CHANGE,
            stamps=("impact_over_at",),
            guards=(guards.not_before_it_began,),
            effects=(clocks.mitigated,),
            consequence=_("The clock for mitigation is met at this time."),
            tone=Tone.OK,
            takes_time=True,
        ),
        "resolve": Transition(
            label=_("Resolved"),
            action="resolved",
            sources=states(*UNRESOLVED),
            target=IncidentState.RESOLVED,
            permission=CHANGE,
            stamps=("resolved_at",),
            guards=(guards.not_before_it_began,),
            effects=(clocks.resolved, links.resolve_duplicates),
            consequence=_("What the record still lacks falls due at noon of the next business day."),
            tone=Tone.OK,
            takes_time=True,
        ),
        "flag_breach": Transition(
            label=_("Personal data are affected"),
            action="breach_flagged",
            sources=states(*UNRESOLVED, IncidentState.RESOLVED),
            permission=CHANGE,
            stamps=("breach_aware_at",),
            guards=(guards.not_flagged_yet,),
            effects=(clocks.breach_flagged,),
            consequence=_("72 hours to the report to the authority run from the moment you knew."),
            tone=Tone.DANGER,
            takes_time=True,
        ),
        "unflag_breach": Transition(
            label=_("No personal data are affected"),
            action="breach_unflagged",
            sources=states(*UNRESOLVED, IncidentState.RESOLVED),
            permission=LEAD,
            guards=(guards.is_flagged, guards.authority_not_told_yet),
            effects=(clocks.breach_unflagged,),
            consequence=_("The 72 hours end. Say in the note why nobody is at risk: it must be documented."),
            tone=Tone.WARN,
        ),
        "tell_authority": Transition(
            label=_("The authority was told"),
            action="authority_told",
            sources=states(*UNRESOLVED, IncidentState.RESOLVED),
            permission=LEAD,
            stamps=("authority_notified_at",),
            guards=(guards.is_flagged, guards.authority_not_told_yet),
            effects=(clocks.authority_told,),
            consequence=_("The clock of 72 hours is met at this time."),
            tone=Tone.WARN,
            takes_time=True,
        ),
        "reopen": Transition(
            label=_("It is back: reopen"),
            action="reopened",
            sources=states(IncidentState.RESOLVED),
            target=IncidentState.DETECTED,
            permission=CHANGE,
            guards=(no_duplicate, guards.no_other_case_of_the_same_trouble),
            effects=(clocks.reopened,),
            consequence=_("Acknowledgement and clocks begin anew."),
            tone=Tone.DANGER,
        ),
        "close": Transition(
            label=_("Close"),
            action="closed",
            sources=states(IncidentState.RESOLVED),
            target=IncidentState.CLOSED,
            permission=LEAD,
            fields=("cause", "fix_reference"),
            optional=("no_communication_reason",),
            stamps=("closed_at",),
            guards=(
                guards.severity_and_scope_are_judged,
                guards.somebody_was_told,
                guards.agreed_notices_are_given,
                approved(
                    JOINT_DECISION,
                    missing=_("Closing needs the joint decision of CEO and CTO. Sign it under Decision."),
                    required=False,
                ),
                guards.authority_is_told,
                review_guards.postmortem_is_published,
            ),
            effects=(clocks.closed, links.close_duplicates, reviews.review_runbook),
            already=_("Resolve it first: an incident is closed after it is resolved."),
            consequence=_("The record is complete."),
            tone=Tone.NEUTRAL,
            primary=True,
        ),
    },
)  # fmt: skip

MITIGATION: Machine[Any] = Machine(
    noun="mitigation",
    field="status",
    states=MitigationStatus,
    transitions={
        "revert": Transition(
            label=_("Take back"),
            action="reverted",
            sources=states(MitigationStatus.APPLIED),
            target=MitigationStatus.REVERTED,
            permission=CHANGE,
            fields=("effect",),
            stamps=("reverted_at",),
            effects=(clocks.measure_taken_back,),
            already=_("It was already taken back."),
            consequence=_("Its clock ends."),
        ),
    },
)

Incident.MACHINE = INCIDENT
Mitigation.MACHINE = MITIGATION
