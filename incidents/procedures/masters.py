"""Between what a runbook file says of procedures and their rows, both ways."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from config.casework.catalogue.models import System
from config.casework.catalogue.rows import assign
from config.casework.catalogue.sections import Changes, Context
from incidents.communications.runbook import Audience, Template
from incidents.procedures.choices import ProcedureKind, StepKind
from incidents.procedures.models import Procedure, ProcedureStep
from incidents.procedures.schemas import Checklist, ChecklistItem, MessagePart, Playbook, StepPart

COLUMNS: Final = (
    "key",
    "text",
    "command",
    "setting",
    "template",
    "audience",
    "action",
    "expires",
    "approval",
    "optional",
    "reason",
)
KINDS: Final = {
    "per_deployment": ProcedureKind.DEPLOYMENT,
    "per_rollback": ProcedureKind.ROLLBACK,
    "per_drill": ProcedureKind.RECOVERY,
}
WORDED_BY_US = "worded_by_us"  # the runbook gives no text for the step, so the desk words it


@dataclass(frozen=True)
class Master:
    """A procedure as its rows should be."""

    key: str
    values: dict[str, Any]
    steps: list[dict[str, Any]]


def playbook_master(playbook: Playbook, context: Context) -> Master:
    """Lay out the steps of a playbook: checks, measures, messages, rules."""
    steps = [
        *(_step(StepKind.DECISION if part.options else StepKind.CHECK, part) for part in playbook.checks),
        *(_step(StepKind.MITIGATION, part) for part in playbook.mitigations),
        *(_message(part, context) for part in playbook.communications),
        *(_step(StepKind.POLICY, StepPart(text=rule)) for rule in playbook.policy),
    ]
    values = {
        "kind": ProcedureKind.PLAYBOOK,
        "title": playbook.title,
        "trigger": playbook.trigger,
        "monitors": playbook.monitors,
        "ordered": False,
        "source": playbook.source or "",
        "extra": {"prevention": playbook.prevention} if playbook.prevention else {},
    }
    return Master(playbook.id, values, steps)


def checklist_master(checklist: Checklist) -> Master:
    """Lay out the items of a checklist."""
    kind = ProcedureKind(checklist.kind) if checklist.kind else KINDS.get(checklist.cadence, ProcedureKind.CHECKLIST)
    values = {
        "kind": kind,
        "title": checklist.title,
        "trigger": "",
        "monitors": [],
        "ordered": checklist.ordered,
        "source": checklist.source or "",
        "extra": checklist.model_dump(
            mode="json", exclude_defaults=True, exclude={"id", "title", "ordered", "source", "items"}
        ),
    }
    return Master(checklist.id, values, [_step(_kind_of(item), item) for item in checklist.items])


def load_procedures(system: System, masters: Sequence[Master], *, kinds: Iterable[ProcedureKind]) -> Changes:
    """Make the procedures of some kinds exactly `masters`; any change is a new version, what is gone is put out of use.

    Runs keep their snapshots, and procedures that ever ran stay for them.
    """
    present = {row.key: row for row in Procedure.objects.filter(system=system).prefetch_related("steps")}
    changes = Changes()
    for master in masters:
        changes += _load_one(system, present.pop(master.key, None), master)
    for row in present.values():
        if row.is_active and row.kind in set(kinds):
            row.is_active = False
            row.save(update_fields=["is_active"])
            changes += Changes(removed=1)
    return changes


def _load_one(system: System, row: Procedure | None, master: Master) -> Changes:
    values = {**master.values, "is_active": True}
    if row is None:
        row = Procedure(system=system, key=master.key, **values)
        row.save(force_insert=True)
        _write_steps(row, master.steps)
        return Changes(created=1)
    same_steps = [_plain(step) for step in row.steps.all()] == master.steps
    if same_steps and all(getattr(row, name) == value for name, value in values.items()):
        return Changes(unchanged=1)
    assign(row, {**values, "version": row.version + 1})
    if not same_steps:
        row.steps.all().delete()
        _write_steps(row, master.steps)
    return Changes(changed=1)


def _write_steps(row: Procedure, steps: Sequence[dict[str, Any]]) -> None:
    ProcedureStep.objects.bulk_create(
        ProcedureStep(procedure=row, position=number, **step) for number, step in enumerate(steps, start=1)
    )


def _plain(step: ProcedureStep) -> dict[str, Any]:
    return {name: getattr(step, name) for name in ("kind", *COLUMNS, "extra")}


def _kind_of(item: ChecklistItem) -> StepKind:
    """What an item is: a decision, an act of the desk, a command to copy, or a check."""
    if item.options:
        return StepKind.DECISION
    if item.action:
        return StepKind.DESK_ACTION
    return StepKind.COMMAND if item.command else StepKind.CHECK


def _step(kind: StepKind, part: StepPart | ChecklistItem | MessagePart) -> dict[str, Any]:
    """Spread a part over the columns of a step; what has no column goes to `extra`."""
    held = type(part).model_fields.keys()
    columns = {name: (getattr(part, name) if name in held else None) or "" for name in COLUMNS}
    extra = part.model_dump(mode="json", exclude_defaults=True, include=set(held) - set(COLUMNS))
    return {"kind": kind, **columns, "optional": bool(columns["optional"]), "extra": extra}


def _message(part: MessagePart, context: Context) -> dict[str, Any]:
    step = _step(StepKind.MESSAGE, part)
    if not part.text:
        step["text"] = _worded(part, context)
        step["extra"][WORDED_BY_US] = True
    return step


def _worded(part: MessagePart, context: Context) -> str:
    """Say in one line what a message without a text of its own asks for."""
    audiences: Sequence[Audience] = context.section("audiences") or ()
    templates: Sequence[Template] = context.section("templates") or ()
    name = next((audience.name for audience in audiences if audience.key == part.audience), part.audience)
    to = name[:1].lower() + name[1:]
    if part.desk:
        return f"The {part.desk} desk sends {part.template or 'its message'} to {to}"
    if part.template:
        title = next((template.title for template in templates if template.key == part.template), part.template)
        return f"Send to {to}: {title}"
    details = "; ".join([*part.rules, *([part.when] if part.when else [])])
    return f"Tell {to}: {details}" if details else f"Tell {to}"


def export_playbooks(system: System) -> list[Playbook] | None:
    """Read the playbooks of a system back as the file would say them."""
    rows = _active(system).filter(kind=ProcedureKind.PLAYBOOK)
    return [_playbook(row) for row in rows] or None


def export_checklists(system: System) -> list[Checklist] | None:
    """Read all other procedures of a system back as checklists."""
    rows = _active(system).exclude(kind=ProcedureKind.PLAYBOOK)
    return [_checklist(row) for row in rows] or None


def _active(system: System) -> Any:
    return Procedure.objects.filter(system=system, is_active=True).prefetch_related("steps").order_by("pk")


def _playbook(row: Procedure) -> Playbook:
    steps = list(row.steps.all())
    checks = [step for step in steps if step.kind in {StepKind.CHECK, StepKind.DECISION}]
    mitigations = [step for step in steps if step.kind == StepKind.MITIGATION]
    return Playbook(
        id=row.key,
        title=row.title,
        source=row.source or None,
        trigger=row.trigger,
        monitors=row.monitors,
        checks=[StepPart.model_validate(_part(step)) for step in checks],
        mitigations=[StepPart.model_validate(_part(step)) for step in mitigations],
        communications=[MessagePart(**_part(step)) for step in steps if step.kind == StepKind.MESSAGE],
        policy=[step.text for step in steps if step.kind == StepKind.POLICY],
        prevention=row.extra.get("prevention", []),
    )


def _checklist(row: Procedure) -> Checklist:
    items = [ChecklistItem(**_part(step)) for step in row.steps.all()]
    return Checklist.model_validate(
        {
            **row.extra,
            "id": row.key,
            "title": row.title,
            "ordered": row.ordered,
            "source": row.source or None,
            "items": items,
        }
    )


def _part(step: ProcedureStep) -> dict[str, Any]:
    """Gather columns and `extra` of a step again, empty ones left out."""
    values = {name: value for name in COLUMNS if (value := getattr(step, name))}
    extra = dict(step.extra)
    if extra.pop(WORDED_BY_US, False):
        del values["text"]
    return values | extra
