"""The sections of a runbook file that say how work is done: playbooks and checklists. Both become procedures."""

from collections.abc import Iterator, Sequence

from config.casework.catalogue.models import System
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register
from incidents.communications.runbook import check_words
from incidents.procedures import actions
from incidents.procedures.choices import ProcedureKind
from incidents.procedures.masters import (
    checklist_master,
    export_checklists,
    export_playbooks,
    load_procedures,
    playbook_master,
)
from incidents.procedures.models import Procedure
from incidents.procedures.schemas import Checklist, ChecklistItem, Playbook, StepPart

type Place = tuple[int | str, ...]


def _check_playbooks(playbooks: list[Playbook], context: Context) -> Iterator[Finding]:
    taken = _taken([playbook.id for playbook in playbooks], context)
    for index, playbook in enumerate(playbooks):
        if playbook.id in taken:
            yield Finding((index, "id"), f"{playbook.id!r} is a procedure of {taken[playbook.id]} already")
        for number, monitor in enumerate(playbook.monitors):
            yield from context.unknown(monitor, section="monitors", location=(index, "monitors", number))
        yield from _check_steps(
            [
                *(((index, "checks", number), part) for number, part in enumerate(playbook.checks)),
                *(((index, "mitigations", number), part) for number, part in enumerate(playbook.mitigations)),
            ]
        )
        for number, message in enumerate(playbook.communications):
            place = (index, "communications", number)
            yield from check_words(
                message.text or "", audience=message.audience, location=(*place, "text"), context=context
            )
            if message.template and not message.desk:
                yield from context.unknown(message.template, section="templates", location=(*place, "template"))


def _check_checklists(checklists: list[Checklist], context: Context) -> Iterator[Finding]:
    playbooks = context.names("playbooks") or frozenset()
    taken = _taken([checklist.id for checklist in checklists], context)
    for index, checklist in enumerate(checklists):
        if checklist.id in taken:
            yield Finding((index, "id"), f"{checklist.id!r} is a procedure of {taken[checklist.id]} already")
        if checklist.id in playbooks:
            yield Finding(
                (index, "id"), f"{checklist.id!r} is also a playbook; both are procedures and share their ids"
            )
        if checklist.severity:
            yield from context.unknown(checklist.severity, section="severities", location=(index, "severity"))
        yield from _check_steps([((index, "items", number), item) for number, item in enumerate(checklist.items)])


def _check_steps(parts: Sequence[tuple[Place, StepPart | ChecklistItem]]) -> Iterator[Finding]:
    """Keys once, references to earlier steps only, answers that can be given, acts that exist."""
    earlier: dict[str, StepPart | ChecklistItem] = {}
    lists: dict[str, Place] = {}
    for place, part in parts:
        if part.action and actions.find(part.action) is None:
            known = ", ".join(actions.names())
            yield Finding((*place, "action"), f"{part.action!r} is no act of the desk (there: {known})")
        for name in part.needs:
            if name not in earlier:
                yield Finding((*place, "needs"), f"{name!r} is no earlier step of this list")
        yield from _check_condition(place, part, earlier)
        if part.key and part.key in earlier and lists[part.key] != place[:-1]:  # within one list the loader tells it
            yield Finding((*place, "key"), f"{part.key!r} is the key of an earlier step of this procedure")
        if part.key:
            earlier[part.key] = part
            lists[part.key] = place[:-1]


def _check_condition(
    place: Place, part: StepPart | ChecklistItem, earlier: dict[str, StepPart | ChecklistItem]
) -> Iterator[Finding]:
    if part.only_if is None:
        return
    decision = earlier.get(part.only_if.step)
    if decision is None or not decision.options:
        yield Finding((*place, "only_if"), f"{part.only_if.step!r} is no earlier decision of this list")
        return
    for answer in part.only_if.answer:
        if answer not in decision.options:
            choices = ", ".join(decision.options)
            yield Finding((*place, "only_if"), f"{answer!r} is no answer of {part.only_if.step!r} (there: {choices})")


def _taken(names: list[str], context: Context) -> dict[str, str]:
    """Return those ids that procedures of other systems bear in the database, with their system."""
    system = context.section("system")
    rows = Procedure.objects.filter(key__in=names).exclude(system__key=system.key if system else "")
    return dict(rows.values_list("key", "system__key"))


def _load_playbooks(system: System, playbooks: list[Playbook], context: Context) -> Changes:
    return load_procedures(
        system, [playbook_master(playbook, context) for playbook in playbooks], kinds=[ProcedureKind.PLAYBOOK]
    )


def _load_checklists(system: System, checklists: list[Checklist], context: Context) -> Changes:
    kinds = [kind for kind in ProcedureKind if kind != ProcedureKind.PLAYBOOK]
    return load_procedures(system, [checklist_master(checklist) for checklist in checklists], kinds=kinds)


PLAYBOOKS: Section[list[Playbook]] = register(
    Section(
        key="playbooks",
        schema=list[Playbook],
        load=_load_playbooks,
        export=export_playbooks,
        check=_check_playbooks,
        order=50,
        shared=True,
    )
)
CHECKLISTS: Section[list[Checklist]] = register(
    Section(
        key="checklists",
        schema=list[Checklist],
        load=_load_checklists,
        export=export_checklists,
        check=_check_checklists,
        order=52,
        shared=True,
    )
)
