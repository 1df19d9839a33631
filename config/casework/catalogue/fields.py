"""The words from which the schema of a runbook file is made."""

import re
from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from config.casework.calendars import Span, parse_span

LONGEST = timedelta(days=3660)
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,8})S)?)?"
)


class RunbookModel(BaseModel):
    """Base of every part of a runbook file: unknown keys are refused, values keep the type they were written in."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def parse_duration(value: object) -> timedelta:
    """Read an ISO 8601 duration of elapsed time in weeks, days, hours, minutes and seconds (`PT15M`, `P1D`).

    Raises:
        ValueError: years and months (they have no length), negative or unreadable durations, and any above ten years.
    """
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        raise ValueError(f"write a duration such as PT15M, PT2H or P1D, not {value!r}")
    length = timedelta(**{unit: int(amount) for unit, amount in found.groupdict(default="0").items()})
    if length > LONGEST:
        raise ValueError(f"{value} is longer than ten years")
    return length


def format_duration(length: timedelta) -> str:
    """Write a duration as `parse_duration` reads it: whole days as days, the rest in hours, minutes and seconds."""
    hours, rest = divmod(length.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{length.days}D" if length.days else ""
    clock = "".join(f"{amount}{unit}" for amount, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if amount)
    return f"P{days}T{clock}" if clock else f"P{days}" if days else "PT0S"


def _parse_amount(value: object) -> Span:
    """Read an amount of time on a clock that may be a business clock: `PT15M`, or `1BD` for one business day."""
    if isinstance(value, Span):
        return value
    if not isinstance(value, str):
        raise ValueError(f"write an amount of time such as PT15M, PT2H or 1BD, not {value!r}")
    return parse_span(value)


def _parse_date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"write a date such as 2026-03-02, not {value!r}") from None


def _check_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no time zone; write a name such as Europe/Berlin or UTC")
    ZoneInfo(name)
    return name


def _check_clock_time(value: str) -> str:
    if not re.fullmatch(r"(?:[01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError(f"write a time of day such as 09:00 (00:00 also for the end of a day), not {value!r}")
    return value


def _check_text(value: str) -> str:
    text = value.rstrip("\n")  # a YAML block ends with one
    if text != text.strip():
        raise ValueError("has blanks at its start or end")
    if not text:
        raise ValueError("must not be empty")
    return text


def _check_key(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,79}", value):
        raise ValueError(
            f"write a key of letters, digits, - and _ that starts with a letter (at most 80), not {value!r}"
        )
    return value


def _one_line(value: str) -> str:
    if "\n" in value:
        raise ValueError("must fit on one line")
    return _check_text(value)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "duration"}),
]
Amount = Annotated[
    Span,
    BeforeValidator(_parse_amount),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string"}),
]
PositiveDuration = Annotated[Duration, Field(gt=timedelta(0))]
Day = Annotated[date, BeforeValidator(_parse_date)]
ClockTime = Annotated[str, AfterValidator(_check_clock_time)]
Zone = Annotated[str, AfterValidator(_check_zone)]
Key = Annotated[str, AfterValidator(_check_key)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_one_line)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(_check_text)]
Share = Annotated[float, Field(gt=0, le=1)]
