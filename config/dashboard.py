"""The first page of the desk: what one should do next, and the side bar that leads everywhere else."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from config.casework import clock
from config.casework.access.models import User
from config.casework.desk import dashboard
from config.casework.desk.navigation import lines_for


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What templates/admin/index.html draws."""
    if not isinstance(request.user, User):
        return context
    now = clock.now()
    cards = dashboard.cards(request.user, now)
    return {
        **context,
        "title": _("Start"),
        "cards": cards,
        "items": dashboard.next_items(request.user, now),
        "now": now,
    }


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The side bar for this person."""
    if not isinstance(request.user, User):
        return []
    start = {"title": _("Start"), "icon": "home", "link": reverse("admin:index")}
    return [{"title": "", "items": [start]}, *lines_for(request.user)]
