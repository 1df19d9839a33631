"""The review tab: postmortem, summary for outside, joint decision."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from config.casework import clock
from config.casework.access.models import User
from config.casework.approvals.services import current_approval
from config.casework.deadlines.models import Deadline
from config.casework.desk.acts import act_page
from config.casework.desk.base import acting_user
from config.casework.desk.display import person_name
from config.casework.desk.forms import ActForm, MomentInput
from config.casework.transitions import Refused, apply
from config.casework.words import duration_words
from incidents import clocks
from incidents.choices import Clock, IncidentState
from incidents.models import Incident
from incidents.reviews import services, summarydesk
from incidents.reviews.choices import PostmortemState
from incidents.reviews.hints import Hint, hints
from incidents.reviews.models import JointDecision, Postmortem
from incidents.reviews.transitions import POSTMORTEM
from incidents.transitions import JOINT_DECISION

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin

BEGAN = "began_at"
NEEDS = {
    "cause": gettext_lazy("the root cause"),
    "fix_reference": gettext_lazy("the fix"),
    "communication": gettext_lazy("a message to somebody, or why nobody needed one"),
    "joint_decision": gettext_lazy("the joint decision of CEO and CTO"),
    "postmortem": gettext_lazy("the published postmortem"),
}


def tab(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """What closing still needs, the postmortem, the joint decision."""
    postmortem = _postmortem(incident)
    user = acting_user(request)
    decision = JointDecision.objects.filter(incident=incident).select_related("approval").first()
    return summarydesk.tab(admin, request, incident) | {
        "postmortem_due": _due(incident, postmortem),
        "postmortem_gap": _gap(postmortem),
        "postmortem_hints": _hints(postmortem) if postmortem and postmortem.state == PostmortemState.DRAFT else [],
        "document_url": reverse(admin.url_name("document"), args=[incident.pk]) if postmortem else "",
        "needs": [NEEDS[name] for name in clocks.closing_needs(incident)]
        if incident.state == IncidentState.RESOLVED
        else [],
        "postmortem": postmortem,
        "postmortem_state": PostmortemState(postmortem.state) if postmortem else None,
        "postmortem_fields": [(field["label"], _said(field, postmortem)) for field in postmortem.schema]
        if postmortem
        else [],
        "postmortem_url": reverse(admin.url_name("postmortem"), args=[incident.pk])
        if user.has_perm("incidents.change_postmortem")
        else "",
        "postmortem_steps": POSTMORTEM.available(postmortem, user) if postmortem else [],
        "postmortem_step_url": reverse(admin.url_name("postmortem_step"), args=[incident.pk, "NAME"])
        if postmortem
        else "",
        "decision": decision,
        "signatures": [
            (person_name(row.person), row.get_role_display(), row.at)
            for row in decision.approval.signatures.select_related("person")
        ]
        if decision
        else [],
        "decision_url": reverse(admin.url_name("decide"), args=[incident.pk])
        if decision and user.has_perm("incidents.decide_incident")
        else "",
    }


def banner(incident: Incident) -> str:
    """The sentence across the page while a joint decision is open."""
    approval = current_approval(incident, JOINT_DECISION)
    if approval is None or approval.granted_at or incident.state == IncidentState.CLOSED:
        return ""
    signed = set(approval.signatures.values_list("role", flat=True))
    missing = ", ".join(role.upper() for role in approval.roles if role not in signed)
    return _("Joint decision required. Still to sign: %(roles)s.") % {"roles": missing}


def urls(admin: "CaseAdmin") -> list[Any]:
    def write(request: HttpRequest, object_id: int) -> HttpResponse:
        return _write(admin, request, admin.visible_case(request, object_id))

    def step(request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        return _step(admin, request, admin.visible_case(request, object_id), name)

    def decide(request: HttpRequest, object_id: int) -> HttpResponse:
        return _decide(admin, request, admin.visible_case(request, object_id))

    name = admin.url_name("{}").removeprefix("admin:")
    view = admin.admin_site.admin_view
    return [
        *summarydesk.urls(admin),
        path("<int:object_id>/postmortem/", view(write), name=name.format("postmortem")),
        path(
            "<int:object_id>/postmortem/step/<slug:name>/",
            view(require_POST(step)),
            name=name.format("postmortem_step"),
        ),
        path("<int:object_id>/decide/", view(decide), name=name.format("decide")),
    ]


def _postmortem(incident: Incident) -> Postmortem | None:
    try:
        return incident.postmortem
    except ObjectDoesNotExist:
        return None


def _write(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    """Begin the postmortem by a button, then write it field by field."""
    back, user = admin.page_url(incident, "review"), acting_user(request)
    postmortem = _postmortem(incident)
    if postmortem is None:
        if request.method != "POST":
            return HttpResponseRedirect(back)
        try:
            services.start_postmortem(incident, actor=user, at=clock.now())
        except Refused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(back)
        return HttpResponseRedirect(request.path)
    form_class = _postmortem_form(postmortem)

    def perform(form: ActForm) -> str:
        values = {
            name: (services.MARK if value else "") if isinstance(value, bool) else value
            for name, value in form.cleaned_data.items()
            if name != BEGAN
        }
        services.write_postmortem(
            postmortem, actor=user, at=clock.now(), values=values, began_at=form.cleaned_data[BEGAN]
        )
        if _hints(postmortem):
            messages.info(
                request, _("Some words judge people. The hints stand beside the postmortem; nothing is held up.")
            )
        return _("The postmortem is kept.")

    return act_page(
        admin,
        request,
        form_class,
        perform,
        title=_("Postmortem"),
        submit_label=_("Keep it"),
        back=back,
        initial={**postmortem.values, BEGAN: postmortem.began_at},
        consequence=_(
            "Describe what happened and why it made sense at the time; no blame. What the record knows is filled in."
        ),
        original=incident,
    )


def _step(admin: "CaseAdmin", request: HttpRequest, incident: Incident, name: str) -> HttpResponse:
    postmortem = _postmortem(incident)
    if postmortem is None or name not in POSTMORTEM.transitions:
        raise Http404("no such step")
    try:
        apply(postmortem, name, actor=acting_user(request), at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(admin.page_url(incident, "review"))


def _decide(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    decision = JointDecision.objects.filter(incident=incident).first()
    if decision is None:
        raise Http404("no decision was asked for")

    def perform(form: ActForm) -> str:
        services.decide(incident, actor=acting_user(request), at=clock.now(), **form.cleaned_data)
        return _("Signed.")

    return act_page(
        admin,
        request,
        DecisionForm,
        perform,
        title=_("Joint decision"),
        submit_label=_("Sign"),
        back=admin.page_url(incident, "review"),
        initial={"mitigation_path": decision.mitigation_path, "stakeholder_updates": decision.stakeholder_updates},
        consequence=_("CEO and CTO sign the same words. Changing them voids the other signature."),
        original=incident,
    )


class DecisionForm(ActForm):
    mitigation_path = forms.CharField(
        label=gettext_lazy("How we go on"), widget=forms.Textarea(attrs={"rows": 4}), max_length=5_000, required=False
    )
    stakeholder_updates = forms.CharField(
        label=gettext_lazy("Whom we tell, and what"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=5_000,
        required=False,
    )
    comment = forms.CharField(
        label=gettext_lazy("Note"), widget=forms.Textarea(attrs={"rows": 2}), max_length=5_000, required=False
    )


def _postmortem_form(postmortem: Postmortem) -> type[ActForm]:
    fields: dict[str, forms.Field] = {
        BEGAN: forms.DateTimeField(
            label=_("When it really began"),
            help_text=_("Your own time. The detection gap follows from it."),
            required=False,
            widget=MomentInput,
        )
    }
    for field in postmortem.schema:
        fields[field["key"]] = _form_field(field)
    return type("PostmortemForm", (ActForm,), fields)


def _form_field(field: dict[str, str]) -> forms.Field:
    label, hint, kind = field["label"], field.get("help", ""), field.get("kind", "text")
    if kind == "tick":
        return forms.BooleanField(label=label, help_text=hint, required=False)
    if kind == "line":
        return forms.CharField(label=label, help_text=hint, required=False, max_length=300)
    rows = 8 if field.get("prefill") == "timeline" or field["key"] == "timeline" else 3
    return forms.CharField(
        label=label,
        help_text=hint,
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


def _said(field: dict[str, str], postmortem: Postmortem) -> str:
    value = str(postmortem.values.get(field["key"], ""))
    return _("done") if field.get("kind") == "tick" and value else value


def _due(incident: Incident, postmortem: Postmortem | None) -> Any:
    """Until when the record must be complete; nothing once it is published."""
    if postmortem is not None and postmortem.state == PostmortemState.PUBLISHED:
        return None
    return Deadline.objects.open().of(incident).filter(kind=Clock.PAPERWORK).values_list("due_at", flat=True).first()


def _gap(postmortem: Postmortem | None) -> str:
    gap = postmortem.detection_gap if postmortem else None
    return "" if gap is None else duration_words(gap)


def _hints(postmortem: Postmortem) -> list[Hint]:
    labels = {field["key"]: field["label"] for field in postmortem.schema}
    names = User.objects.filter(is_staff=True).exclude(name="").values_list("name", flat=True)
    return hints({key: str(value) for key, value in postmortem.values.items()}, labels, list(names))
