"""What people do in the stories, each through the service that does it for real people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.casework.access.models import User
from config.casework.cases.services import add_note
from config.casework.transitions import apply
from config.casework.words import moment
from incidents.communications.models import MessageTemplate
from incidents.communications.services import known_slots, send
from incidents.models import Incident
from incidents.procedures import services as procedures
from incidents.procedures.choices import StepKind
from incidents.procedures.models import RunStep
from incidents.reviews import services as reviews
from incidents.reviews.actions import add_action_item
from incidents.reviews.choices import ActionKind, ActionState, PostmortemState
from incidents.services import acknowledge, apply_mitigation
from incidents.severity.models import Severity


@dataclass(frozen=True)
class Scene:
    """Where and when something is done: the incident as it is then, who, the moment, and all people by key."""

    incident: Incident
    actor: User
    at: datetime
    now: datetime
    people: Mapping[str, User]

    def later(self, minutes: int) -> datetime:
        """So many minutes after the incident began."""
        return self.incident.received_at + timedelta(minutes=minutes)


def _acknowledge(scene: Scene) -> None:
    acknowledge(scene.incident, actor=scene.actor, at=scene.at)


def _triage(scene: Scene, *, severity: str, scope: str) -> None:
    level = Severity.objects.select_related("system__calendar").get(system=scene.incident.system, key=severity)
    apply(scene.incident, "triage", actor=scene.actor, severity=level, scope=scope)


def _step(name: str) -> Callable[..., None]:
    def take(scene: Scene, *, reason: str = "", **values: Any) -> None:
        apply(scene.incident, name, actor=scene.actor, reason=reason, **values)

    return take


def _note(scene: Scene, *, text: str) -> None:
    add_note(scene.incident, actor=scene.actor, text=text, at=scene.at)


def _tick(scene: Scene, *, place: int, note: str = "") -> None:
    procedures.tick(_run_step(scene, place), actor=scene.actor, at=scene.at, note=note)


def _skip(scene: Scene, *, place: int, reason: str) -> None:
    procedures.skip(_run_step(scene, place), actor=scene.actor, at=scene.at, reason=reason)


def _run_step(scene: Scene, place: int) -> RunStep:
    """The step at a place of the playbook, counted from 1; rules that cannot be ticked do not count."""
    steps = (
        RunStep.objects.select_related("run__incident")
        .filter(run__incident=scene.incident)
        .exclude(kind=StepKind.POLICY)
    )
    return steps.order_by("position")[place - 1]


def _measure(scene: Scene, *, text: str, until: int = 0, effect: str = "") -> None:
    expires_at = scene.later(until) if until else None
    apply_mitigation(
        scene.incident,
        actor=scene.actor,
        text=text,
        at=scene.at,
        temporary=bool(until),
        expires_at=expires_at,
        effect=effect,
    )


def _take_back(scene: Scene, *, effect: str) -> None:
    apply(scene.incident.mitigations.get(temporary=True, reverted_at=None), "revert", actor=scene.actor, effect=effect)


def _tell(scene: Scene, *, template: str, recipients: tuple[str, ...] = (), next_update: int = 0, **slots: str) -> None:
    text = MessageTemplate.objects.get(system=scene.incident.system, key=template, is_current=True, language="en")
    promised = scene.later(next_update) if next_update else None
    values = known_slots(scene.incident, text, next_update=moment(promised, "UTC") if promised else "") | slots
    send(
        scene.incident,
        text,
        actor=scene.actor,
        at=scene.at,
        values=values,
        recipients=recipients,
        next_update_at=promised,
    )


def _decide(scene: Scene, *, mitigation_path: str, stakeholder_updates: str) -> None:
    reviews.decide(
        scene.incident,
        actor=scene.actor,
        at=scene.at,
        mitigation_path=mitigation_path,
        stakeholder_updates=stakeholder_updates,
    )


def _postmortem(scene: Scene, *, publish: bool = False, **values: str) -> None:
    """Write what is given; what a published one lacks besides is said in one line, so that it can be published."""
    postmortem = reviews.start_postmortem(scene.incident, actor=scene.actor, at=scene.at)
    known = {field["key"] for field in postmortem.schema}
    written = {key: value for key, value in values.items() if key in known}
    if publish:
        empty = [key for key in known if not postmortem.values.get(key) and key not in written]
        written |= dict.fromkeys(empty, "See the action items.")
    reviews.write_postmortem(postmortem, actor=scene.actor, at=scene.at, values=written)
    if publish and postmortem.state == PostmortemState.DRAFT:
        apply(postmortem, "publish", actor=scene.actor)


def _action(scene: Scene, *, kind: str, text: str, owner: str, due_in_days: int) -> None:
    due_on = (scene.now + timedelta(days=due_in_days)).date()
    add_action_item(
        scene.incident,
        actor=scene.actor,
        at=scene.at,
        kind=ActionKind(kind),
        text=text,
        owner=scene.people[owner],
        due_on=due_on,
    )


def _finish(scene: Scene, *, text: str, outcome: str) -> None:
    apply(
        scene.incident.action_items.get(text=text, state=ActionState.OPEN), "finish", actor=scene.actor, outcome=outcome
    )


ACTS: dict[str, Callable[..., None]] = {
    "acknowledge": _acknowledge,
    "triage": _triage,
    "stabilize": _step("stabilize"),
    "impact_over": _step("impact_over"),
    "resolve": _step("resolve"),
    "close": _step("close"),
    "note": _note,
    "tick": _tick,
    "skip": _skip,
    "measure": _measure,
    "take_back": _take_back,
    "tell": _tell,
    "decide": _decide,
    "postmortem": _postmortem,
    "action": _action,
    "finish": _finish,
}
