"""The first page: six cards at most, and what one should do next. Each desk brings its own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.cases.models import Case
from config.casework.cases.querysets import CaseQuerySet
from config.casework.desk.clocks import SpokenClock, nearest_clocks
from config.casework.desk.display import Mark, choice_of

CARDS = 6
NEXT = 15


@dataclass(frozen=True)
class Card:
    """A number, what it means, and where it leads.

    Attributes:
        label: what is counted.
        sentence: what the number means now.
        tone: marks the card when something is wrong; empty otherwise.
    """

    label: Any
    number: Any
    sentence: Any
    url: str
    tone: str = ""
    order: int = 100


@dataclass(frozen=True)
class NextItem:
    """One thing the person should do: the act as a verb phrase, on what, until when.

    `pk` and `kind` name the case and the clock, for makers that say the same thing better elsewhere.
    """

    what: Any
    reference: str
    title: str
    url: str
    due_at: datetime | None = None
    clock: SpokenClock | None = None
    badge: Mark | None = None
    urgent: bool = False
    kind: str = ""
    pk: int | None = None


type CardMaker = Callable[[User, datetime], Card | Iterable[Card] | None]
type NextMaker = Callable[[User, datetime], Iterable[NextItem]]

_cards: list[CardMaker] = []
_next: list[NextMaker] = []


def register_card(maker: CardMaker) -> CardMaker:
    """Add a card or several that share their questions to the database; the maker leaves out what is not for the person."""
    if maker not in _cards:
        _cards.append(maker)
    return maker


def register_next(maker: NextMaker) -> NextMaker:
    """Add to what people should do next."""
    if maker not in _next:
        _next.append(maker)
    return maker


def counts(**rows: models.QuerySet[Any]) -> dict[str, int]:
    """How many rows each of them has, in one question to the database."""
    parts = [
        found.order_by().annotate(which=models.Value(name)).values("which").annotate(number=models.Count("pk"))
        for name, found in rows.items()
    ]
    said = parts[0].union(*parts[1:], all=True).order_by().values_list("which", "number")
    return dict.fromkeys(rows, 0) | dict(said)


def cards(user: User, now: datetime) -> list[Card]:
    """The cards for this person, six at most, in their order."""
    made: list[Card] = []
    for maker in _cards:
        found = maker(user, now)
        made.extend([found] if isinstance(found, Card) else found or ())
    return sorted(made, key=lambda card: card.order)[:CARDS]


def next_items(user: User, now: datetime) -> list[NextItem]:
    """What this person should do next: the urgent first, then the nearest clock."""
    items = [item for maker in _next for item in maker(user, now)]
    return sorted(items, key=lambda item: (not item.urgent, item.due_at is None, item.due_at or now))[:NEXT]


def next_of_queue(
    rows: CaseQuerySet,
    user: User,
    now: datetime,
    *,
    also: models.Q | None = None,
    badge: Callable[[Any], Mark | None] | None = None,
    limit: int = NEXT,
) -> list[NextItem]:
    """Open cases of one kind that wait for this person: their own and those nobody owns, the nearest clock first.

    Args:
        rows: cases, not yet scoped; only those the person may see are taken.
        also: further cases that are this person's business, whoever owns them.
        badge: what stands before the reference; the state when left out.
    """
    mine = models.Q(owner=user) | models.Q(owner=None)
    if also is not None:
        mine |= also
    waiting = rows.visible_to(user).open().filter(mine, next_due_at__isnull=False)
    found: list[Case] = list(waiting.nearest_clock_first()[:limit])
    clocks = nearest_clocks(found, now)
    items = []
    for case in found:
        said = clocks.get(case.pk)
        items.append(
            NextItem(
                what=said.act.capitalize() if said else _("Look at it"),
                reference=case.reference,
                title=case.title,
                url=reverse(f"admin:{case._meta.app_label}_{case._meta.model_name}_change", args=[case.pk]),
                due_at=case.next_due_at,
                clock=said,
                badge=badge(case) if badge else _state_mark(case),
                kind=case.next_due_kind,
                pk=case.pk,
            )
        )
    return items


def _state_mark(case: Case) -> Mark | None:
    state = choice_of(case, case.MACHINE.field, case.MACHINE.state(case))
    return Mark(state.label, str(state.tone)) if state is not None else None
