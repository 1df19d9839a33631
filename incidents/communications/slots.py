"""Named slots in a text: `{feature}`. There is no template language, only names that are replaced."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_SLOT = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_SAFE_DATA = re.compile(
    r"\b(?:data|files?|drafts?|progress|profiles?|answers?|applications?)\b[^.!?]{0,60}"
    r"\b(?:safe|saved|secure|kept|intact|complete|not\s+lost|not\s+affected)\b"
    r"|\b(?:nothing|no\s+data)\b[^.!?]{0,20}\blost\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Fact:
    """A slot that the desk fills by itself; `outside`: also in texts for people outside the company."""

    meaning: str
    outside: bool = False


FACTS: Final[Mapping[str, Fact]] = MappingProxyType(
    {
        "reference": Fact("reference of the case"),
        "system": Fact("public name of the system", outside=True),
        "severity": Fact("severity level"),
        "impact": Fact("who and what is affected, as triaged"),
        "mitigation": Fact("measures in force now"),
        "owner": Fact("who leads the work"),
        "next_update": Fact("when the next update is promised", outside=True),
        "channel": Fact("where we talk about the incident"),
        "starts": Fact("when the maintenance begins", outside=True),
        "ends": Fact("when the maintenance ends", outside=True),
        "work": Fact("what is done in the maintenance", outside=True),
    }
)


def slots_in(text: str) -> list[str]:
    """Return the names of the slots of `text`, each once, in order.

    Raises:
        ValueError: a brace that belongs to no slot.
    """
    rest = _SLOT.sub("", text)
    if "{" in rest or "}" in rest:
        raise ValueError(
            "holds a brace that belongs to no slot; slots look like {feature}: small letters, digits and _"
        )
    return list(dict.fromkeys(_SLOT.findall(text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values in, once: a value that looks like a slot stays as it is. An unfilled slot shows as [name]."""
    return _SLOT.sub(lambda match: values.get(match[1], f"[{match[1]}]"), text)


def guarded_word(text: str, words: list[str]) -> str | None:
    """Return the first of `words` that `text` holds as a whole word, whatever its case (INC-39, INT-22)."""
    for word in words:
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE):
            return word
    return None


def claims_safe_data(text: str) -> bool:
    """Whether a text says that data are safe, also when its author did not mark it so (INC-39)."""
    return _SAFE_DATA.search(text) is not None
