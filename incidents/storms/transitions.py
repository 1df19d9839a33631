"""What may follow what on a member of a storm case."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone
from config.casework.transitions import Machine, Step, Transition, states
from incidents.choices import Source
from incidents.services import open_incident
from incidents.storms.choices import MemberState
from incidents.storms.models import StormMember

CHANGE = "incidents.change_incident"


def open_own_case(step: Step[StormMember]) -> None:
    """A member that is taken out becomes a case of its own, with its own page and clocks from now on."""
    member = step.obj
    member.taken_as = open_incident(
        member.incident.system,
        title=member.title,
        actor=None,
        at=step.at,
        source=Source.ALERT,
        severity=member.severity,
        source_key=member.source_key,
        monitor_key=member.monitor_key,
        alert_group=member.alert_group,
        organization=member.incident.organization,
    )
    member.save(update_fields=["taken_as"])


MEMBER: Machine[Any] = Machine(
    noun="storm_member",
    field="state",
    states=MemberState,
    transitions={
        "resolve": Transition(
            label=_("It is over"),
            action="resolved",
            sources=states(MemberState.OPEN),
            target=MemberState.RESOLVED,
            permission=CHANGE,
            stamps=("resolved_at",),
            already=_("It is over already, or has a case of its own."),
            tone=Tone.OK,
        ),
        "fire_again": Transition(
            label=_("It fires again"),
            action="fired_again",
            sources=states(MemberState.RESOLVED),
            target=MemberState.OPEN,
            permission=CHANGE,
        ),
        "take_out": Transition(
            label=_("Take it out"),
            action="taken_out",
            sources=states(MemberState.OPEN, MemberState.RESOLVED),
            target=MemberState.TAKEN_OUT,
            permission=CHANGE,
            optional=("severity",),
            stamps=("taken_out_at",),
            effects=(open_own_case,),
            already=_("It has a case of its own already."),
            consequence=_("It becomes a case of its own: its person is paged and its clocks start now."),
            tone=Tone.WARN,
        ),
    },
)

StormMember.MACHINE = MEMBER
