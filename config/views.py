"""Pages of the house itself."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from config import traceparent

DOORS: tuple[dict[str, Any], ...] = (
    {
        "name": "privacy-new",
        "title": _("Ask for your data, or have it deleted"),
        "text": _("For candidates. You need no account."),
    },
    {"name": "dispute-new", "title": _("Contest an assessment"), "text": _("A person looks at it again.")},
    {"name": "support-new", "title": _("Ask for help"), "text": _("Write to us about any of our services.")},
    {
        "name": "status",
        "title": _("See how our services are doing"),
        "text": _("What works, what does not, and what we do about it."),
    },
)


def start(request: HttpRequest) -> HttpResponse:
    """The public start page: the doors that are open, and the way in for staff."""
    doors = []
    for door in DOORS:
        try:
            doors.append({**door, "url": reverse(door["name"])})
        except NoReverseMatch:  # that desk is not installed
            continue
    return render(request, "front/start.html", {"doors": doors})


def reference(_request: HttpRequest) -> dict[str, str]:
    """Every template may show the trace id, so that people can quote it when something went wrong."""
    trace = traceparent.current()
    return {"trace_reference": trace.trace_id if trace else ""}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(
        request,
        "403.html",
        {"reason": _("This page was open for too long. Go back, reload it and send it again.")},
        status=403,
    )
