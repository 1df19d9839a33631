"""What every page behind a signed link shares."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from config.casework.front.views import harden
from config.casework.links.services import LinkExpired, LinkUnknown


def link_page[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Answer 404 for an altered link and 410 for one that is over, and keep it out of caches.

    Its address leaves by no referrer: the desk's policy is same-origin. A stricter one would break the check of posts.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response: HttpResponseBase
        try:
            response = view(request, *args, **kwargs)
        except LinkUnknown:
            response = _page(request, "404.html", 404)
        except LinkExpired:
            response = _page(request, "410.html", 410)
        return harden(response)

    return guarded


def _page(request: HttpRequest, template: str, status: int) -> HttpResponse:
    return render(request, template, status=status)
