"""What each column holds about people, declared beside the model.

Every model of the desk carries `@personal(...)`. The privacy desk reads the registry to find, give and delete; the
check `desk.E030` refuses a text column that nobody judged. Keys to people (foreign keys to `User`) are staff data and
need no ruling: staff accounts are anonymised as rows, never by their keys.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from django.db import models


class Subject(StrEnum):
    """Whose data a column holds."""

    STAFF = "staff"
    REQUESTER = "requester"
    CANDIDATE = "candidate"
    CONTACT = "contact"
    ANYONE = "anyone"  # free text: whoever the writer named


class Erasure(StrEnum):
    """What erasing a person does to the column."""

    DELETE_ROW = "delete_row"
    CLEAR = "clear"
    REVIEW = "review"  # a person decides on the passage (free text about several people)
    KEEP = "keep"


@dataclass(frozen=True)
class Ruling:
    """The judgement on one column.

    Attributes:
        of: whose data it is.
        erase: what erasure does; `KEEP` needs a ground.
        ground: why it is kept (article or duty).
        retention: ISO 8601 duration after which it goes anyway; empty: with its case.
        export: given to the person who asks for a copy.
    """

    of: Subject
    erase: Erasure
    ground: str = ""
    retention: str = ""
    export: bool = True


@dataclass(frozen=True)
class Declaration:
    """All rulings of one model."""

    model: type[models.Model]
    rulings: dict[str, Ruling]
    plain: frozenset[str] = field(default_factory=frozenset)
    case: str = ""
    controller: str = "platform"


_registry: dict[type[models.Model], Declaration] = {}


def holds(of: Subject, *, erase: Erasure, ground: str = "", retention: str = "", export: bool = True) -> Ruling:
    """Rule that a column holds personal data.

    Raises:
        ValueError: it is kept without a ground.
    """
    if erase is Erasure.KEEP and not ground:
        raise ValueError("a kept column needs a ground")
    return Ruling(of=of, erase=erase, ground=ground, retention=retention, export=export)


FREE_TEXT = holds(Subject.ANYONE, erase=Erasure.REVIEW)


def personal[M: models.Model](
    *, plain: tuple[str, ...] = (), case: str = "", controller: str = "platform", **rulings: Ruling
) -> Callable[[type[M]], type[M]]:
    """Declare what a model holds about people.

    Args:
        plain: text columns judged to hold none.
        case: path from the model to the case it belongs to (`"incident"`, `""` for the case itself or none); `redact`
            and the privacy desk walk it. `"generic"` means the model carries a generic key named `case`.
        controller: who decides about the data: platform, organisation or joint.
    """

    def declare(model: type[M]) -> type[M]:
        _registry[model] = Declaration(model, dict(rulings), frozenset(plain), case, controller)
        return model

    return declare


def declarations() -> Iterator[Declaration]:
    """All declarations, in the order the models were defined."""
    yield from _registry.values()


def declaration(model: type[models.Model]) -> Declaration | None:
    """What was declared for `model`, if anything."""
    return _registry.get(model)
