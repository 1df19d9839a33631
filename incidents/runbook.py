"""The sections of a runbook file on incidents as a whole: what they are about, the watch after a fix."""

from datetime import timedelta
from typing import Literal

from config.casework.catalogue.fields import Key, Line, PositiveDuration, RunbookModel
from config.casework.catalogue.sections import Section, setting


class ScopePart(RunbookModel):
    """A part of a scope, such as CV parsing within the async pipeline."""

    key: Key
    name: Line


class Scope(RunbookModel):
    """What a support case is about; some scopes belong to another desk (INC-03)."""

    key: Key
    name: Line
    parts: list[ScopePart] = []
    routes_to: Literal["dispute", "privacy"] | None = None


SCOPES: Section[list[Scope]] = setting("scopes", list[Scope], order=22)
RECURRENCE_WATCH: Section[timedelta] = setting("recurrence_watch", PositiveDuration, order=24)
