"""What surrounds every request: trace id, content policy, problem answers, second factor, row history."""

from collections.abc import Callable
from typing import Any

import pghistory
import structlog
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import urlencode

from config import traceparent

type GetResponse = Callable[[HttpRequest], HttpResponse]

STAFF_PATHS = ("/admin/", "/ops/")
API_PATHS = ("/api/", "/ofrep/")
PERSONAL_PATHS = (*STAFF_PATHS, "/accounts/")
log = structlog.get_logger("desk.request")


class TraceMiddleware:
    """Continue the caller's W3C trace or start one; every log line, task and mail of the request carries its id."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        incoming = traceparent.parse(request.headers.get("traceparent", ""))
        trace = incoming.child() if incoming else traceparent.new()
        with traceparent.activate(trace):
            response = self.get_response(request)
            response["X-Trace-Id"] = trace.trace_id
            if response.status_code >= 500 or request.method not in {"GET", "HEAD"}:
                log.info("request", method=request.method, route=_route(request), status=response.status_code)
        return response


class DeskPolicyMiddleware(ContentSecurityPolicyMiddleware):
    """The strict content policy everywhere; the staff pages get the one their skin needs."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.path.startswith(STAFF_PATHS):
            setattr(response, "_csp_config", settings.STAFF_CSP)  # noqa: B010 - Django's own hook, not in its stubs
        return super().process_response(request, response)


class ProblemMiddleware:
    """Errors under the API paths are problem+json (RFC 9457), also those no view of ours made."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if (
            response.status_code < 400
            or not request.path.startswith(API_PATHS)
            or "json" in response.get("Content-Type", "")
        ):
            return response
        problem = JsonResponse(
            {
                "type": "about:blank",
                "title": response.reason_phrase,
                "status": response.status_code,
                "detail": response.reason_phrase,
                "errors": [],
            },
            status=response.status_code,
            content_type="application/problem+json",
        )
        for header in ("Allow", "Retry-After", "WWW-Authenticate"):
            if header in response:
                problem[header] = response[header]
        return problem


class ZoneMiddleware:
    """Pages say times in the zone of the person who reads them."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(PERSONAL_PATHS) or not request.user.is_authenticated:
            return self.get_response(request)
        with timezone.override(request.user.zone):
            return self.get_response(request)


class StaffMiddleware:
    """Staff pages ask for a second factor, and for a new password when the present one was generated."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if user.is_authenticated and request.path.startswith(STAFF_PATHS) and user.is_staff:
            here = urlencode({"next": request.get_full_path()})
            if user.must_change_password:
                return redirect(f"/accounts/password/change/?{here}")
            if settings.STAFF_NEEDS_SECOND_FACTOR and not is_mfa_enabled(user):
                return redirect(f"/accounts/2fa/totp/activate/?{here}")
        return self.get_response(request)


class HistoryMiddleware:
    """Row history knows who changed a row: the person's id and the trace, never the address of the page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return self.get_response(request)
        trace = traceparent.current()
        with pghistory.context(user=request.user.pk, trace=trace.trace_id if trace else ""):
            return self.get_response(request)


def _route(request: HttpRequest) -> str:
    """The pattern of the address, not the address: links carry secrets."""
    return request.resolver_match.route if request.resolver_match else "unknown"
