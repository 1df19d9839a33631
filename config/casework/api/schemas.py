"""What every call takes and answers: strict input, times with a zone, errors as problem+json, lists in pages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from config.casework import clock

AHEAD = timedelta(minutes=5)
DEEPEST = 40
UNFIT_TEXT = "unfit_text"
type Path = tuple[str | int, ...]


class Input(BaseModel):
    """Base of every request body.

    Types are strict (`false` is no number, "3" is none either), unknown fields are kept, and text the database cannot
    hold (NUL, lone surrogates) is refused wherever it stands.
    """

    model_config = ConfigDict(strict=True, extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _fit_to_keep(cls, data: Any) -> Any:
        refuse_unfit_text(data)
        return data


def refuse_unfit_text(data: Any) -> None:
    """Raise a pydantic error that lists all places where plain data holds text PostgreSQL cannot keep."""
    unfit = [list(path) for path in _unfit(data)]
    if unfit:
        raise PydanticCustomError(UNFIT_TEXT, "This text holds characters that cannot be kept.", {"paths": unfit})


def is_fit(text: str) -> bool:
    """True when a text has no NUL and no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _unfit(data: Any) -> Iterator[Path]:
    waiting: list[tuple[Path, Any]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            if not is_fit(value):
                yield path
        elif isinstance(value, dict | list):
            if len(path) >= DEEPEST:
                yield path
                continue
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in items:
                if isinstance(key, str) and not is_fit(key):
                    yield path
                else:
                    waiting.append(((*path, key), item))


def read_moment(value: Any) -> Any:
    """Read an ISO 8601 time with its zone; the answer is in UTC.

    Raises:
        PydanticCustomError: no text, no time, or no zone.
    """
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("time", "This is no time; write it like 2026-03-09T10:00:00Z.") from None
    else:
        raise PydanticCustomError("time", "This is no time; write it like 2026-03-09T10:00:00Z.")
    if moment.tzinfo is None:
        raise PydanticCustomError("time_zone", "This time has no zone; write it like 2026-03-09T10:00:00Z.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("time", "This time is out of range.") from None


def _not_ahead(moment: datetime) -> datetime:
    if moment > clock.now() + AHEAD:
        raise PydanticCustomError("time_ahead", "This time lies more than 5 minutes in the future.")
    return moment


PlannedMoment = Annotated[datetime, BeforeValidator(read_moment)]
Moment = Annotated[datetime, BeforeValidator(read_moment), AfterValidator(_not_ahead)]
Reference = Annotated[str, Field(max_length=20, pattern=r"^[A-Za-z0-9-]+$")]
Line = Annotated[str, Field(min_length=1, max_length=200)]


class FieldError(BaseModel):
    """One thing that is wrong with a request, and where."""

    field: str
    message: str


class Problem(BaseModel):
    """An error answer (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class Page[T](BaseModel):
    """One page of a list; `next` is the cursor of the following one."""

    items: list[T]
    next: str | None = None
