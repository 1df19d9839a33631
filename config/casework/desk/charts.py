"""Charts drawn by the server: bars over time, readable in the dark, printed grey, and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SERIES = 4
WIDTH, HEIGHT = 720, 180
TOP, BOTTOM, LEFT = 16, 24, 8
PATTERNS = ("solid", "hatched", "dotted", "hollow")
"""Told apart by fill as well as by tone, so that grey print says the same."""


@dataclass(frozen=True)
class Series:
    """One row of values, in the order of the chart's columns; None draws nothing."""

    label: Any
    values: Sequence[float | None]


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    pattern: str
    title: str
    said: str


@dataclass(frozen=True)
class Chart:
    """What desk/partials/chart.html draws: bars, the names under them, and the same as a table."""

    key: str
    title: Any
    sentence: Any
    bars: list[Bar]
    columns: list[tuple[float, str]]
    legend: list[tuple[str, Any]]
    headings: list[Any]
    rows: list[list[str]]
    baseline: int = HEIGHT - BOTTOM
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def is_empty(self) -> bool:
        return not self.bars


def bars(
    key: str, title: Any, columns: Sequence[str], series: Sequence[Series], *, sentence: Any = "", unit: str = ""
) -> Chart:
    """A chart of grouped bars.

    Args:
        key: names it in the page.
        columns: what stands under each group, such as months.
        series: four at most; more cannot be told apart.
        unit: follows each number.
    Raises:
        ValueError: too many series.
    """
    if len(series) > SERIES:
        raise ValueError(f"a chart takes at most {SERIES} series, not {len(series)}")
    top = max((value for one in series for value in one.values if value), default=0.0)
    group = (WIDTH - 2 * LEFT) / max(len(columns), 1)
    width = min(group * 0.8 / max(len(series), 1), 48)
    drawn = []
    for place, one in enumerate(series):
        for column, value in enumerate(one.values):
            if value:
                height = (HEIGHT - TOP - BOTTOM) * value / top
                x = LEFT + column * group + (group - width * len(series)) / 2 + place * width
                title_ = f"{columns[column]}, {one.label}: {number(value)}{unit}"
                drawn.append(
                    Bar(
                        round(x, 1),
                        round(HEIGHT - BOTTOM - height, 1),
                        round(width * 0.9, 1),
                        round(height, 1),
                        PATTERNS[place],
                        title_,
                        f"{number(value)}{unit}",
                    )
                )
    return Chart(
        key=key,
        title=title,
        sentence=sentence,
        bars=drawn,
        columns=[(round(LEFT + (place + 0.5) * group, 1), name) for place, name in enumerate(columns)],
        legend=[(PATTERNS[place], one.label) for place, one in enumerate(series)],
        headings=["", *(one.label for one in series)],
        rows=[
            [name, *(f"{number(value)}{unit}" if (value := one.values[place]) is not None else "–" for one in series)]
            for place, name in enumerate(columns)
        ],
    )


def number(value: float) -> str:
    """A number as people read it: whole from ten on, one decimal below."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
