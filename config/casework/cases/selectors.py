"""Cases of all kinds in one list, newest first."""

from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from django.db.models import Q, QuerySet

from config.casework.cases.kinds import Kind
from config.casework.cases.models import Case


@dataclass(frozen=True, slots=True)
class Place:
    """Where a case stands in the list of all kinds: newest receipt first, then kind, then newest row."""

    received_at: datetime
    kind: str
    pk: int

    def order(self) -> tuple[float, str, int]:
        return (-self.received_at.timestamp(), self.kind, -self.pk)


def place_of(kind: Kind, case: Case) -> Place:
    return Place(case.received_at, kind.key, case.pk)


def newest(
    wanted: list[Kind],
    *,
    limit: int,
    after: Place | None,
    system: str = "",
    state: str = "",
    is_open: bool | None = None,
) -> list[tuple[Kind, Case]]:
    """The newest cases of some kinds, at most `limit`, after a place in the list.

    Args:
        system: key of a system; empty: all.
        is_open: True for open ones, False for the others, None for both.
    """
    parts = []
    for kind in wanted:
        rows = _filtered(kind, system, state, is_open)
        if after is not None:
            rows = rows.filter(_after(kind, after))
        parts.append([(kind, case) for case in rows.order_by("-received_at", "-pk")[:limit]])
    return list(merge(*parts, key=lambda pair: place_of(*pair).order()))[:limit]


def visible_outside(kind: Kind) -> QuerySet[Case]:
    """The cases of a kind that a token may see: a restricted one is for the people it is shared with."""
    rows: QuerySet[Case] = kind.model._default_manager.filter(restricted=False)
    return rows.select_related("system", "organization", "owner", *kind.related)


def _filtered(kind: Kind, system: str, state: str, is_open: bool | None) -> QuerySet[Case]:
    rows = visible_outside(kind)
    if system:
        rows = rows.filter(system__key=system)
    if state:
        rows = rows.filter(Q(state=state))
    if is_open is not None:
        open_ones = Q(state__in=kind.open_states)
        rows = rows.filter(open_ones if is_open else ~open_ones)
    return rows


def _after(kind: Kind, place: Place) -> Q:
    older = Q(received_at__lt=place.received_at)
    if kind.key > place.kind:
        return older | Q(received_at=place.received_at)
    if kind.key == place.kind:
        return older | Q(received_at=place.received_at, pk__lt=place.pk)
    return older
