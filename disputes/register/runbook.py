"""The section `ai_system` of a runbook file: the entry of the assessing system, and the versions it went through."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Annotated, Literal

from pydantic import Field

from config.casework.catalogue.fields import Day, RunbookModel, Text
from config.casework.catalogue.models import System
from config.casework.catalogue.rows import assign
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register
from disputes.assessments.models import ScoringVersion
from disputes.register.models import AiSystem

PLAIN = ("name", "purpose", "provider", "deployer", "instructions", "oversight", "limits")


class Version(RunbookModel):
    """A version of the model or of the rules, active from the start of a day (UTC) until the next one."""

    part: Literal["model", "rules"]
    version: Annotated[str, Field(min_length=1, max_length=80)]
    active_from: Day
    changes: Text | None = None


class AiSystemPart(RunbookModel):
    """What the register says of the system (AI Act Articles 13, 14, 26); dates from which duties hold are data."""

    name: Annotated[str, Field(min_length=1, max_length=160)]
    purpose: Text
    provider: Annotated[str, Field(min_length=1, max_length=200)]
    deployer: Annotated[str, Field(min_length=1, max_length=200)]
    instructions: Text
    oversight: Text
    limits: Text
    duties_from: Day | None = None
    log_days: Annotated[int, Field(ge=184, le=3660)] = 184
    serious_incident_days: Annotated[int, Field(ge=1, le=60)] = 15
    versions: list[Version] = []


def _check(part: AiSystemPart, context: Context) -> Iterator[Finding]:
    counts = Counter((entry.part, entry.version) for entry in part.versions)
    for index, entry in enumerate(part.versions):
        if counts[entry.part, entry.version] > 1:
            yield Finding(("versions", index, "version"), "stands twice")


def _load(system: System, part: AiSystemPart, context: Context) -> Changes:
    values = {name: getattr(part, name) for name in (*PLAIN, "duties_from", "log_days", "serious_incident_days")}
    row = AiSystem.objects.filter(system=system).first() or AiSystem(system=system)
    changes = assign(row, values)
    for entry in part.versions:
        version = ScoringVersion.objects.filter(system=system, part=entry.part, key=entry.version).first()
        wanted = {"active_from": _moment(entry.active_from), "changes": entry.changes or "", "declared": True}
        changes += assign(version or ScoringVersion(system=system, part=entry.part, key=entry.version), wanted)
    return changes


def _export(system: System) -> AiSystemPart | None:
    row = AiSystem.objects.filter(system=system).first()
    if row is None:
        return None
    versions = ScoringVersion.objects.filter(system=system, declared=True).order_by("part", "active_from", "key")
    return AiSystemPart(
        **{name: getattr(row, name) for name in (*PLAIN, "duties_from", "log_days", "serious_incident_days")},
        versions=[
            Version.model_validate(
                {
                    "part": entry.part,
                    "version": entry.key,
                    "active_from": entry.active_from.astimezone(UTC).date(),
                    "changes": entry.changes or None,
                }
            )
            for entry in versions
        ],
    )


def _moment(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


AI_SYSTEM: Section[AiSystemPart] = register(
    Section(key="ai_system", schema=AiSystemPart, load=_load, export=_export, check=_check, order=62)
)
