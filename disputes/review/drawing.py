"""The telemetry of an assessment as a line with its gaps, drawn on the server; a table says the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

WIDTH = 600.0


@dataclass(frozen=True)
class Gap:
    """A gap: where it begins and ends, in words and, where it can be drawn, in units of the line."""

    start: str
    end: str
    words: str
    x: float | None = None
    width: float | None = None


@dataclass(frozen=True)
class Line:
    """What was recorded, and what is missing."""

    expected: int | None
    received: int | None
    percent: int | None
    gaps: list[Gap]

    @property
    def is_drawn(self) -> bool:
        return any(gap.x is not None for gap in self.gaps) or (not self.gaps and self.expected is not None)


def line(telemetry: Mapping[str, Any]) -> Line:
    """Read telemetry as senders give it: gaps as pairs, or objects with from/to, start/end; numbers or ISO times."""
    expected, received = telemetry.get("expected"), telemetry.get("received")
    spans = [_span(gap) for gap in telemetry.get("gaps") or []]
    places = [place for start, end, _words in spans for place in (_place(start), _place(end)) if place is not None]
    first, last = _range(telemetry, places, expected)
    gaps = []
    for start, end, words in spans:
        begin, finish = _place(start), _place(end)
        drawn = begin is not None and finish is not None and last > first
        gaps.append(
            Gap(
                start=str(start),
                end=str(end),
                words=words,
                x=round((begin - first) / (last - first) * WIDTH, 1) if drawn and begin is not None else None,
                width=round(max(2.0, (finish - begin) / (last - first) * WIDTH), 1)
                if drawn and begin is not None and finish is not None
                else None,
            )
        )
    share = round(min(1.0, received / expected) * 100) if expected and received is not None else None
    return Line(expected, received, share, gaps)


def _span(gap: Any) -> tuple[Any, Any, str]:
    if isinstance(gap, Mapping):
        start = next((gap[name] for name in ("from", "start", "begin") if name in gap), "")
        end = next((gap[name] for name in ("to", "end", "until") if name in gap), "")
        rest = {key: value for key, value in gap.items() if key not in {"from", "start", "begin", "to", "end", "until"}}
        return start, end, ", ".join(f"{key}: {value}" for key, value in rest.items())
    if isinstance(gap, list | tuple) and len(gap) == 2:
        return gap[0], gap[1], ""
    return "", "", str(gap)


def _place(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    moment: datetime | None = None
    try:
        moment = parse_datetime(str(value)) if value else None
    except ValueError:
        moment = None
    return moment.timestamp() if moment is not None else None


def _range(telemetry: Mapping[str, Any], places: list[float], expected: Any) -> tuple[float, float]:
    start, end = (
        _place(telemetry.get("from", telemetry.get("start"))),
        _place(telemetry.get("to", telemetry.get("end"))),
    )
    if start is not None and end is not None:
        return start, end
    if not places:
        return 0.0, 0.0
    if isinstance(expected, int) and max(places) <= expected:
        return 0.0, float(expected)
    margin = (max(places) - min(places)) * 0.1 or 1.0
    return min(places) - margin, max(places) + margin
