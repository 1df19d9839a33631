"""Every refusal as problem+json (RFC 9457)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelError
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from config.casework.api.bodies import BodyTooBig, BrokenJson, LengthNeeded
from config.casework.api.schemas import UNFIT_TEXT
from config.casework.api.services import KeyReused
from config.casework.transitions import Refused

CONTENT_TYPE = "application/problem+json"
DATABASE_RETRY_SECONDS = 5
type Errors = Iterable[tuple[str, str]]

log = structlog.get_logger("desk.api")


class TooMany(Exception):
    """A token made more calls than its rate allows."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Invalid(Exception):
    """A well-formed request with bad values; each with its field and a sentence."""

    def __init__(self, **errors: str) -> None:
        super().__init__(errors)
        self.errors = errors


def problem(status: int, detail: str, *, errors: Errors = (), headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An error answer.

    Args:
        status: the HTTP status.
        detail: a sentence that says what to do; never a part of what was sent.
        errors: pairs of field and message.
    """
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [{"field": field, "message": message} for field, message in errors],
    }
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))


def field_path(location: Iterable[str | int]) -> str:
    """("alerts", 3, "fingerprint") as a person writes it: alerts[3].fingerprint."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def install(api: NinjaAPI) -> None:
    """Make an API answer every refusal as a problem."""
    for exception, handler in _HANDLERS.items():
        api.add_exception_handler(exception, handler)


def _unauthorized(request: HttpRequest, error: Exception) -> HttpResponse:
    challenge = 'Bearer realm="desk"' + (', error="invalid_token"' if request.headers.get("Authorization") else "")
    return problem(401, "Send a valid token: Authorization: Bearer TOKEN.", headers={"WWW-Authenticate": challenge})


def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    broken = error.__cause__
    return problem(error.status_code, str(broken) if isinstance(broken, BrokenJson) else str(error))


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [pair for entry in error.errors for pair in _field_errors(entry)]
    kinds = sorted({str(entry.get("type", "")) for entry in error.errors})
    log.info("invalid_request", kinds=kinds, count=len(errors))  # no places: keys of outside may hold anything
    return problem(422, "Some fields are not right.", errors=errors)


def _field_errors(entry: dict[str, Any]) -> Errors:
    source, *location = entry["loc"]
    if source == "body":  # the first step inside is the name of our own parameter
        location = location[1:]
    message = str(entry["msg"]).removeprefix("Value error, ")
    if entry.get("type") == UNFIT_TEXT:
        return [(field_path([*location, *path]), message) for path in entry["ctx"]["paths"]]
    return [(field_path(location), message)]


def _refused_values(request: HttpRequest, error: ModelError) -> HttpResponse:
    fields = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    pairs = [
        ("" if field == "__all__" else field, message) for field, messages in fields.items() for message in messages
    ]
    return problem(422, "Some fields are not right.", errors=pairs)


def _no_database(request: HttpRequest, error: Exception) -> HttpResponse:
    log.warning("database_away", error=type(error).__name__)
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    return problem(
        503, "The desk cannot reach its database. Send it again.", headers={"Retry-After": str(DATABASE_RETRY_SECONDS)}
    )


_HANDLERS: dict[type[Exception], Any] = {
    AuthenticationError: _unauthorized,
    HttpError: _http,
    ValidationError: _invalid,
    Invalid: lambda request, error: problem(422, "Some fields are not right.", errors=error.errors.items()),
    ModelError: _refused_values,
    Http404: lambda request, error: problem(404, "There is no such thing here."),
    PermissionDenied: lambda request, error: problem(403, "This is not allowed."),
    Refused: lambda request, error: problem(409, str(error)),
    KeyReused: lambda request, error: problem(
        409, "This idempotency key was used with other content.", errors=[("idempotency_key", "Take a new key.")]
    ),
    BodyTooBig: lambda request, error: problem(413, "The body is too big: at most 1 MiB."),
    RequestDataTooBig: lambda request, error: problem(413, "The body is too big: at most 1 MiB."),
    LengthNeeded: lambda request, error: problem(411, "Send a Content-Length."),
    UnreadablePostError: lambda request, error: problem(400, "The body ended early."),
    TooMany: lambda request, error: problem(429, "Too many calls.", headers={"Retry-After": str(error.retry_after)}),
    OperationalError: _no_database,
    InterfaceError: _no_database,
}
