"""The page behind the link of a test page. Opening it changes nothing; its button proves the method."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import override
from django.views.decorators.http import require_http_methods

from config.casework import clock
from config.casework.links.services import LinkUnknown, look
from config.casework.links.views import link_page
from incidents.contact_methods.models import TrialPage
from incidents.contact_methods.services import TRIAL_PURPOSE, acknowledge_trial


@require_http_methods(["GET", "HEAD", "POST"])
@link_page
def acknowledge_test_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show the one button; prove the method when it was pressed in time: altered 404, after ten minutes 410."""
    grant = look(token, TRIAL_PURPOSE, clock.now())
    trial = grant.object
    if not isinstance(trial, TrialPage) or grant.person is None:
        raise LinkUnknown
    if request.method == "POST":
        acknowledge_trial(token, at=clock.now())
        return HttpResponseRedirect(request.path)
    with override(grant.person.language), timezone.override(grant.person.zone):
        context = {"proven": trial.acknowledged_at is not None, "until": grant.expires_at}
        return render(request, "front/test_page_ack.html", context)
