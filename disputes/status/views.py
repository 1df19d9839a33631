"""A candidate's own page, by signed link: how it stands, add, be heard, appeal, end it. Opening it changes nothing."""

from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from config.casework import clock
from config.casework.deadlines.selectors import clocks
from config.casework.front.forms import PublicForm
from config.casework.front.limits import Rate
from config.casework.front.views import QUARTER_HOUR, limited
from config.casework.links.services import look
from config.casework.links.views import link_page
from config.casework.transitions import Refused
from disputes.choices import IN_REVIEW, Clock, DisputeState, Outcome
from disputes.filing import selectors
from disputes.filing.services import add_to
from disputes.letters.services import STATUS_PURPOSE
from disputes.models import Dispute
from disputes.status import services
from disputes.status.forms import AddForm, AppealForm, EndForm, HearingForm

FORMS: dict[str, type[PublicForm]] = {"add": AddForm, "hear": HearingForm, "appeal": AppealForm, "end": EndForm}
DONE = {
    "add": "added",
    "hear": "heard",
    "appeal": "appealed",
    "end": "ended",
}


@link_page
@limited("dispute-status", Rate(40, QUARTER_HOUR))
@require_http_methods(["GET", "HEAD", "POST"])
def status(request: HttpRequest, token: str) -> HttpResponse:
    """Show the page, or do what one of its forms asks."""
    now = clock.now()
    dispute = cast("Dispute", look(token, STATUS_PURPOSE, now).object)
    with translation.override(dispute.language):
        forms = {name: form(prefix=name) for name, form in FORMS.items()}
        act = request.POST.get("act", "") if request.method == "POST" else ""
        if act in FORMS and act in _offered(dispute):
            form = FORMS[act](request.POST, request.FILES, prefix=act)
            if form.is_trapped:
                return HttpResponseRedirect(request.path)
            if form.is_valid() and _do(dispute, act, form):
                return HttpResponseRedirect(f"{reverse('dispute-status', args=[token])}?done={DONE[act]}")
            forms[act] = form
        return render(request, "disputes/status.html", _context(request, token, dispute, forms))


def _do(dispute: Dispute, act: str, form: PublicForm) -> bool:
    now, values = clock.now(), form.values
    try:
        if act == "add":
            add_to(dispute, values, at=now)
        elif act == "hear":
            services.ask_to_be_heard(dispute, **values, at=now)
        elif act == "appeal":
            services.appeal(dispute, grounds=values["grounds"], at=now)
        else:
            services.end(dispute, at=now)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def _offered(dispute: Dispute) -> list[str]:
    """What makes sense now."""
    if dispute.state in IN_REVIEW:
        return ["add", "hear", "end"]
    may_appeal = (
        dispute.state == DisputeState.DECIDED
        and dispute.appealed_at is None
        and dispute.appeal_until is not None
        and clock.now() <= dispute.appeal_until
    )
    return ["appeal"] if may_appeal else []


def _context(request: HttpRequest, token: str, dispute: Dispute, forms: dict[str, PublicForm]) -> dict[str, Any]:
    due = next((row.due_at for row in clocks(dispute) if row.kind == Clock.DECIDE and row.met_at is None), None)
    offered = _offered(dispute)
    bad = next((form for form in forms.values() if form.errors), None)
    return {
        "dispute": dispute,
        "headline": _headline(dispute),
        "tone": str(dispute_tone(dispute)),
        "due_at": due,
        "in_review": dispute.state in IN_REVIEW,
        "taken": dispute.acknowledged_at,
        "confirmed": dispute.outcome == Outcome.LABEL_CONFIRMED,
        "forms": [(name, _titles()[name], forms[name], bool(forms[name].errors)) for name in offered],
        "form": bad,
        "done": _thanks().get(request.GET.get("done", ""), ""),
        "view": selectors.employer_views(dispute.assessment, at=clock.now())[0],
        "filings": dispute.filings.order_by("filed_at"),
        "hearing": dispute.hearings.filter(cancelled_at=None).order_by("-pk").first(),
        "explanation_url": reverse("dispute-explain", args=[token]),
    }


def dispute_tone(dispute: Dispute) -> Any:
    state = DisputeState(dispute.state)
    return Outcome(dispute.outcome).tone if dispute.outcome else state.tone


def _headline(dispute: Dispute) -> str:
    if dispute.outcome == Outcome.LABEL_REMOVED:
        return _("The label is removed")
    if dispute.outcome == Outcome.LABEL_CONFIRMED:
        return _("A person decided: the label stays")
    if dispute.outcome == Outcome.RESCORED:
        return _("Your assessment was scored anew")
    if dispute.outcome == Outcome.WITHDRAWN_UNDECIDED:
        return _("The label is withdrawn, because we did not decide in time")
    if dispute.state == DisputeState.CLOSED:
        return _("You ended it")
    if dispute.state == DisputeState.APPEALED:
        return _("Another person looks at your appeal")
    return _("A person reviews it") if dispute.acknowledged_at else _("It waits for a person")


def _titles() -> dict[str, str]:
    return {
        "add": _("Add something"),
        "hear": _("Be heard"),
        "appeal": _("Appeal"),
        "end": _("End it"),
    }


def _thanks() -> dict[str, str]:
    return {
        "added": _("It stands with your case now."),
        "heard": _("We noted how you want to be heard. The decision waits for it."),
        "appealed": _("Your appeal is in. Another person decides."),
        "ended": _("It is ended."),
    }
