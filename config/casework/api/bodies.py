"""Reading request bodies: at most so many bytes, however they come, and real JSON."""

import json
import math
from contextlib import suppress
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict
from ninja.errors import ValidationError
from ninja.parser import Parser

from config.casework.api.schemas import is_fit

BODY_LIMIT = 1024 * 1024
_DRAIN_LIMIT = 32 * BODY_LIMIT
_PIECE = 64 * 1024


class BodyTooBig(Exception):
    """A request body holds more bytes than a call takes."""


class LengthNeeded(Exception):
    """The server cannot tell where a chunked body ends."""


class BrokenJson(ValueError):
    """A body is no JSON as RFC 8259 knows it."""


def read_body(request: HttpRequest, limit: int = BODY_LIMIT) -> bytes:
    """The raw body, once and for all later readers of `request.body`.

    The length a client claims is not believed: chunked bodies have none, so bytes are counted.

    Raises:
        BodyTooBig: more than `limit` bytes.
        LengthNeeded: chunked, and the web server does not mark the end.
    """
    if not hasattr(request, "_body"):
        chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
        claimed = request.headers.get("Content-Length", "")
        if chunked and not request.META.get("wsgi.input_terminated"):
            raise LengthNeeded
        if not chunked and claimed.isdecimal() and int(claimed) > limit:
            _drain(request, int(claimed))
            raise BodyTooBig
        source = request.META["wsgi.input"] if chunked else request
        body: bytes = source.read(limit + 1)
        if len(body) > limit:
            _drain(request, _DRAIN_LIMIT)
            raise BodyTooBig
        setattr(request, "_body", body)  # noqa: B010 - where Django itself keeps it
    return request.body


def _drain(request: HttpRequest, claimed: int) -> None:
    """Read on for a while, so that a client that only then listens gets its answer instead of a broken pipe."""
    left = min(claimed, _DRAIN_LIMIT)
    with suppress(Exception):  # a courtesy: whatever the connection does, the answer stands
        while left > 0 and (piece := request.META["wsgi.input"].read(min(left, _PIECE))):
            left -= len(piece)


def read_json(body: bytes) -> Any:
    """Parse a body; NaN, infinities and numbers beyond a double are no JSON.

    Raises:
        BrokenJson: with the reason, never with a part of the body.
    """
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite)
    except BrokenJson:
        raise
    except json.JSONDecodeError as error:
        raise BrokenJson(
            f"The body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from error
    except UnicodeDecodeError as error:
        raise BrokenJson("The body is not UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise BrokenJson("The body is not valid JSON: a number or a nesting is out of bounds.") from error


def _no_constant(name: str) -> None:
    raise BrokenJson(f"The body is not valid JSON: {name} is no JSON value.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BrokenJson("The body is not valid JSON: a number is out of bounds.")
    return value


class StrictParser(Parser):
    """The one reader of bodies and query strings for all calls."""

    def parse_body(self, request: HttpRequest) -> Any:
        return read_json(request.body)

    def parse_querydict(
        self, data: "QueryDict | MultiValueDict[str, Any]", list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        unfit = [
            key
            for key, values in data.lists()
            if not (is_fit(key) and all(is_fit(value) for value in values if isinstance(value, str)))
        ]
        if unfit:
            raise ValidationError(
                [{"loc": ("query", key), "msg": "This text holds characters that cannot be kept."} for key in unfit]
            )
        return super().parse_querydict(data, list_fields, request)
