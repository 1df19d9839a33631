"""Lengths of turns as files and forms write them."""

import re
from datetime import timedelta

from incidents.oncall.rota import LONGEST_TURN, Every

SHORTEST_TURN = timedelta(hours=1)
LONGEST_MONTHS = 3
_EVERY = re.compile(r"P(?:(?P<months>\d{1,3})M|(?P<weeks>\d{1,3})W|(?P<days>\d{1,4})D|T(?P<hours>\d{1,5})H)")


def parse_every(text: str) -> Every:
    """Read the length of a turn: whole hours, days, weeks or months (`PT12H`, `P1D`, `P7D`, `P1M`).

    Raises:
        ValueError: it cannot be read, is zero, or is longer than three months.
    """
    found = _EVERY.fullmatch(text)
    if found is None:
        raise ValueError(f"write the length of a turn such as P7D, P1D, PT12H or P1M, not {text!r}")
    amount = {unit: int(value or 0) for unit, value in found.groupdict().items()}
    every = Every(
        months=amount["months"],
        length=timedelta(weeks=amount["weeks"], days=amount["days"], hours=amount["hours"]),
    )
    if every.months > LONGEST_MONTHS or every.length > LONGEST_TURN:
        raise ValueError(f"a turn of {text} is too long; at most P92D or P3M")
    if not every.months and every.length < SHORTEST_TURN:
        raise ValueError(f"a turn of {text} is too short; at least PT1H")
    return every
