"""Where two pieces of plain data differ, in words that lead to the place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from config.casework.catalogue.documents import Location, entry_identity


class _Absent:
    """Stands where one side holds nothing."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Difference:
    """One place where two values differ; `location` is that of the left value, as deep as it goes."""

    location: Location
    name: str
    left: Any
    right: Any


def differences(
    left: Any, right: Any, *, name: str, location: Location = (), ordered: bool = True
) -> Iterator[Difference]:
    """Yield the deepest places where two plain values differ.

    Args:
        name: what the whole is called; parts are named below it.
        location: where the left value stands.
        ordered: whether the order of a list whose entries have an id matters at this level; below it always does.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys((*left, *right)):
            yield from differences(
                left.get(key, ABSENT), right.get(key, ABSENT), name=f"{name}.{key}", location=(*location, key)
            )
    elif isinstance(left, list) and isinstance(right, list):
        yield from _in_lists(left, right, name=name, location=location, ordered=ordered)
    elif left != right:
        yield Difference(location, name, left, right)


def _in_lists(
    left: list[Any], right: list[Any], *, name: str, location: Location, ordered: bool
) -> Iterator[Difference]:
    ours, theirs = _by_identity(left), _by_identity(right)
    if ours is None or theirs is None:
        if left != right:
            yield Difference(location, name, left, right)
        return
    for index, (identity, entry) in enumerate(ours.items()):
        other = theirs.get(identity, ABSENT)
        yield from differences(entry, other, name=f"{name}[{identity}]", location=(*location, index))
    for identity in theirs.keys() - ours.keys():
        yield Difference(location, f"{name}[{identity}]", ABSENT, theirs[identity])
    if ordered and ours.keys() == theirs.keys() and list(ours) != list(theirs):
        yield Difference(location, f"{name} (order)", list(ours), list(theirs))


def _by_identity(entries: Sequence[Any]) -> dict[str, Any] | None:
    """Return the entries by id, or None when one has none."""
    found = {entry_identity(entry): entry for entry in entries}
    return None if None in found else {str(identity): entry for identity, entry in found.items()}


def shown(value: Any) -> str:
    """Write a value for a message, shortened when it is long."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
