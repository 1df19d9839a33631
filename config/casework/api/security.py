"""Who calls: bearer tokens with scopes, counted per minute."""

from datetime import timedelta
from typing import cast

from django.http import Http404, HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBearer

from config.casework import clock
from config.casework.access.choices import Scope
from config.casework.access.models import ApiToken
from config.casework.api.bodies import BODY_LIMIT, read_body
from config.casework.api.errors import TooMany
from config.casework.api.services import find_token
from config.casework.front import limits

CALLS_PER_MINUTE = 600
WINDOW = timedelta(minutes=1)


class Bearer(HttpBearer):
    """Lets a call through when its token lives, has the scope and is not over its rate; bounds the body on the way.

    Args:
        scope: what the token must be allowed to do.
        body_limit: bytes a request may carry.
    """

    def __init__(self, scope: Scope, *, body_limit: int = BODY_LIMIT) -> None:
        super().__init__()
        self.scope = scope
        self.body_limit = body_limit

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        if "\x00" in request.path:
            raise Http404
        at = clock.now()
        found = find_token(token.strip(), at=at)
        if found is None:
            return None
        if self.scope.value not in found.scopes:
            raise HttpError(403, f"This token lacks the scope {self.scope.value}.")
        limit = limits.hit(f"token:{found.pk}", limit=CALLS_PER_MINUTE, window=WINDOW, at=at)
        if not limit.allowed:
            raise TooMany(limit.retry_after)
        read_body(request, self.body_limit)
        return found


def caller(request: HttpRequest) -> ApiToken:
    """The token of a call that `Bearer` let through."""
    return cast(ApiToken, request.auth)  # type: ignore[attr-defined]
