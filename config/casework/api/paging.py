"""Pages by keyset: a cursor names the last row seen, so deep pages cost what the first one costs."""

import base64
import binascii
import json
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from ninja import Query
from pydantic import BaseModel, Field

from config.casework.api.errors import Invalid

PAGE = 100


class Paging(BaseModel):
    """The two query fields of every list."""

    limit: int = Field(default=PAGE, ge=1, le=PAGE)
    cursor: str = Field(default="", max_length=300)


PageQuery = Annotated[Paging, Query()]


def page[M: Model](rows: QuerySet[M], paging: Paging, *, order: tuple[str, ...]) -> tuple[list[M], str | None]:
    """One page of `rows`, and the cursor of the next.

    Args:
        order: field names that are never null, the last one unique, all with "-" or all without.
    Raises:
        Invalid: the cursor is none of ours.
    """
    names = [name.removeprefix("-") for name in order]
    if paging.cursor:
        rows = rows.filter(
            _after(rows.model, names, decode(paging.cursor, len(names)), descending=order[0].startswith("-"))
        )
    found = list(rows.order_by(*order)[: paging.limit + 1])
    if len(found) <= paging.limit:
        return found, None
    last = found[paging.limit - 1]
    return found[: paging.limit], encode([getattr(last, name) for name in names])


def _after(model: type[Model], names: list[str], values: list[Any], *, descending: bool) -> Q:
    sign = "lt" if descending else "gt"
    condition, equal = Q(), Q()
    for name, value in zip(names, values, strict=True):
        field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        try:
            known = field.to_python(value)  # type: ignore[union-attr]
        except ValidationError:
            raise Invalid(cursor="This cursor was not given by the desk.") from None
        condition |= equal & Q(**{f"{name}__{sign}": known})
        equal &= Q(**{name: known})
    return condition


def encode(values: list[Any]) -> str:
    """A cursor that holds these numbers and texts."""
    plain = json.dumps([value if isinstance(value, int) else str(value) for value in values])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode(cursor: str, length: int) -> list[Any]:
    """What a cursor holds.

    Raises:
        Invalid: it is none of ours.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        values = None
    if (
        not isinstance(values, list)
        or len(values) != length
        or not all(isinstance(value, str | int) for value in values)
    ):
        raise Invalid(cursor="This cursor was not given by the desk.")
    return values
