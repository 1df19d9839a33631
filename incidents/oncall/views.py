"""The calendar feed of shifts."""

import hashlib

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from config.casework import clock
from incidents.oncall.feeds import calendar, find_feed


@require_safe
def oncall_feed(request: HttpRequest, token: str) -> HttpResponse:
    """The shifts as iCalendar; 304 when nothing changed since the calendar last asked.

    Raises:
        Http404: no such address, or it was revoked: both look the same.
    """
    now = clock.now()
    feed = find_feed(token, now)
    if feed is None:
        raise Http404("no such calendar")
    body = calendar(feed, at=now)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    answer = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, max-age=300"
    answer["Content-Disposition"] = 'inline; filename="oncall.ics"'
    answer["X-Robots-Tag"] = "noindex"
    found = get_conditional_response(request, etag=etag, response=answer)
    return found if isinstance(found, HttpResponse) else answer
