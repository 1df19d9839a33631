"""The sections of a runbook file on what a system is made of, what is yet to come, and its commands."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from config.casework.catalogue.fields import Key, Line, RunbookModel
from config.casework.catalogue.models import System
from config.casework.catalogue.rows import sync
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register, setting
from incidents.references.models import CommandReference, FeatureSwitch


class Component(RunbookModel):
    """A part of a system or something it depends on (INC-92).

    Attributes:
        engine: what it runs on, where steps and commands differ by it ("sqlite", "postgresql").
        units: names of its services on the host (OPS-23).
        needs: keys of the components it calls.
        critical: without it the system does not work.
    """

    key: Key
    name: Line
    kind: Literal["entry", "service", "store", "outside", "runtime"] = "service"
    engine: Annotated[Line, Field(max_length=40)] | None = None
    units: list[Line] = []
    needs: list[Key] = []
    critical: bool = False


class Feature(RunbookModel):
    """A behaviour that the source calls future, with our definition (INC-96)."""

    key: Key
    name: Annotated[Line, Field(max_length=160)]
    description: Annotated[str, StringConstraints(min_length=1, max_length=600)]
    source: Annotated[Line, Field(max_length=120)] | None = None


class Command(RunbookModel):
    """A command of the operated system; one to be used with care says why (OPS-10, OPS-21)."""

    key: Key
    purpose: Annotated[Line, Field(max_length=160)]
    command: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    variant: Annotated[Line, Field(max_length=40)] | None = None
    judgement: Literal["ok", "care", "unsafe"] = "ok"
    warning: Line | None = None
    source: Annotated[Line, Field(max_length=120)] | None = None

    @model_validator(mode="after")
    def _care_says_why(self) -> "Command":
        if self.judgement != "ok" and not self.warning:
            raise ValueError(f"needs a warning, because its judgement is {self.judgement}")
        return self


def _check_components(parts: list[Component], context: Context) -> Iterator[Finding]:
    known = {part.key for part in parts}
    for index, part in enumerate(parts):
        for number, name in enumerate(part.needs):
            if name not in known:
                yield Finding((index, "needs", number), f"{name!r} is no component of this file")


def _load_features(system: System, features: list[Feature], context: Context) -> Changes:
    wanted = {
        feature.key: {"name": feature.name, "description": feature.description, "source": feature.source or ""}
        for feature in features
    }
    return sync(FeatureSwitch.objects.filter(system=system), wanted, by="key", make=FeatureSwitch, system=system)


def _export_features(system: System) -> list[Feature] | None:
    rows = FeatureSwitch.objects.filter(system=system).order_by("key")
    return [
        Feature(key=row.key, name=row.name, description=row.description, source=row.source or None) for row in rows
    ] or None


def _load_commands(system: System, commands: list[Command], context: Context) -> Changes:
    existing = list(CommandReference.objects.filter(system=system))
    wanted = {
        command.key: {
            "purpose": command.purpose,
            "command": command.command,
            "variant": command.variant or "",
            "judgement": command.judgement,
            "warning": command.warning or "",
            "source": command.source or "",
        }
        for command in commands
    }
    for row in existing:
        if row.key in wanted and row.command != wanted[row.key]["command"]:  # nobody has read the new text yet
            row.reviewed_by, row.reviewed_at = None, None
            row.save(update_fields=["reviewed_by", "reviewed_at"])
    return sync(existing, wanted, by="key", make=CommandReference, system=system)


def _export_commands(system: System) -> list[Command] | None:
    rows = CommandReference.objects.filter(system=system).order_by("key")
    return [
        Command.model_validate(
            {"key": row.key, "purpose": row.purpose, "command": row.command, "judgement": row.judgement}
            | {name: getattr(row, name) or None for name in ("variant", "warning", "source")}
        )
        for row in rows
    ] or None


COMPONENTS: Section[list[Component]] = setting("components", list[Component], order=12, check=_check_components)
FEATURES: Section[list[Feature]] = register(
    Section(key="features", schema=list[Feature], load=_load_features, export=_export_features, order=14)
)
COMMANDS: Section[list[Command]] = register(
    Section(key="commands", schema=list[Command], load=_load_commands, export=_export_commands, order=80)
)
