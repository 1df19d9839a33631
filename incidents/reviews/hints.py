"""Hints on wording: a postmortem names what the system allowed, not who is to blame. Shown, never in the way."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

FREE_OF_NAMES = frozenset({"timeline", "owner", "owner_and_due_dates", "action_items", "incident_id"})
"""Fields in which people are named for good reasons."""

PATTERNS: tuple[tuple[re.Pattern[str], object], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        (r"\b(?:blam\w*|fault(?:s|y)? of|at fault|guilty|culprit)\b", gettext_lazy("ask what made it possible")),
        (
            r"\b(?:careless\w*|negligen\w*|sloppy|lazy|stupid\w*|incompeten\w*|reckless\w*)\b",
            gettext_lazy("describe what was seen and known then"),
        ),
        (
            r"\b(?:should|could|ought to|must) have\b|\bshould'?ve\b",
            gettext_lazy("it is told from afterwards: say why it made sense at the time"),
        ),
        (
            r"\b(?:human error|user error|operator error|pilot error)\b",
            gettext_lazy("it is where the search begins: what made the error easy, and what let it through"),
        ),
        (
            r"\b(?:forgot|neglected|failed) to\b|\bdid(?: not|n'?t) bother\b",
            gettext_lazy("say what would have reminded or stopped anybody"),
        ),
        (r"\b(?:obvious(?:ly)?|simply|just) (?:had|needed) to\b", gettext_lazy("it was not obvious then")),
    )
)


@dataclass(frozen=True, slots=True)
class Hint:
    """A passage of a field, and what to try instead."""

    field: str
    passage: str
    advice: str


def hints(values: Mapping[str, str], labels: Mapping[str, str], names: Iterable[str] = ()) -> list[Hint]:
    """Passages that judge people, and names of people outside the fields where they belong.

    Args:
        values: texts by field.
        labels: what each field is called.
        names: full names of the people of the desk.
    """
    found = []
    named = [name for name in names if " " in name.strip()]
    people = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in named), re.IGNORECASE) if named else None
    for key, text in values.items():
        label = labels.get(key, key)
        for pattern, advice in PATTERNS:
            found += [Hint(label, match, str(advice)) for match in _matches(pattern, text)]
        if people is not None and key not in FREE_OF_NAMES:
            found += [Hint(label, match, _("name the role, not the person")) for match in _matches(people, text)]
    return found


def _matches(pattern: re.Pattern[str], text: str) -> list[str]:
    return list(dict.fromkeys(match.group().lower() for match in pattern.finditer(text)))
