"""The page behind the link that stops a kind of news. Opening it changes nothing; its button does."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods

from config.casework import clock
from config.casework.front.limits import Rate
from config.casework.front.views import QUARTER_HOUR, limited
from config.casework.links.services import LinkUnknown, look, use
from config.casework.links.views import link_page
from incidents.customers import optouts
from incidents.customers.choices import Topic
from incidents.customers.models import Notice


@require_http_methods(["GET", "HEAD", "POST"])
@link_page
@limited("unsubscribe", Rate(30, QUARTER_HOUR))
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, and on the button stop, or take it back: a mail scanner that opens the link stops nothing (rules: links)."""
    now = clock.now()
    grant = look(token, optouts.LINK_PURPOSE, now)
    notice, topic = cast("Notice | None", grant.object), Topic(grant.bound["topic"])
    if notice is None or not notice.address:
        raise LinkUnknown
    language = notice.contact.language if notice.contact else "en"
    with override(language):
        act = request.POST.get("act", "") if request.method == "POST" else ""
        if act in {"stop", "again"}:
            use(grant, now)
        if act == "stop":
            optouts.unsubscribe(notice.address, topic, at=now)
        elif act == "again":
            optouts.subscribe_again(notice.address, topic)
        stopped = notice.address in optouts.opted_out([notice.address], topic)
        context = {"topic": topic.label, "stopped": stopped, "title": _("Stop these mails")}
        return render(request, "front/unsubscribe.html", context)
