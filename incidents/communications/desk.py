"""The messages tab: choose an approved text, fill it, look at it, send it."""

import hashlib
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.desk.base import acting_user
from config.casework.desk.forms import ActForm, MomentInput
from config.casework.words import moment
from incidents.communications import services
from incidents.communications.choices import Audience
from incidents.communications.models import MessageTemplate
from incidents.models import Incident
from incidents.procedures.choices import StepKind
from incidents.procedures.models import RunStep

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin


def tab(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """The texts that may be sent about this incident."""
    may_send = acting_user(request).has_perm("incidents.add_communication")
    texts = MessageTemplate.objects.filter(
        system=incident.system, is_current=True, approved_at__isnull=False, audience__in=Audience.values
    ).order_by("audience", "key")
    compose = reverse(admin.url_name("compose"), args=[incident.pk])
    return {
        "texts": [{"template": text, "url": f"{compose}?template={text.key}"} for text in texts] if may_send else [],
    }


def urls(admin: "CaseAdmin") -> list[Any]:
    def compose(request: HttpRequest, object_id: int) -> HttpResponse:
        return _compose(admin, request, admin.visible_case(request, object_id))

    name = admin.url_name("compose").removeprefix("admin:")
    return [path("<int:object_id>/compose/", admin.admin_site.admin_view(compose), name=name)]


class ComposeForm(ActForm):
    """What one text needs: its open slots, who gets it, when the next word comes."""

    recipients = forms.CharField(
        label=gettext_lazy("Recipients"),
        help_text=gettext_lazy("Mail addresses, one a line."),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
    )
    next_update_at = forms.DateTimeField(
        label=gettext_lazy("Next update"),
        help_text=gettext_lazy("When you promise the next word. Your own time."),
        required=False,
        widget=MomentInput,
    )
    confirm_data_safety = forms.BooleanField(
        label=gettext_lazy("I confirm that what this text says about the data is true."), required=False
    )

    def __init__(self, *args: Any, incident: Incident, template: MessageTemplate, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.template = template
        used, known = services.slots(template), services.known_slots(incident, template)
        self.open_slots = [name for name in used if name not in known]
        labels = {slot["key"]: slot for slot in template.slots}
        for name in self.open_slots:
            said = labels.get(name, {})
            self.fields[f"slot_{name}"] = forms.CharField(
                label=said.get("label") or name.replace("_", " ").capitalize(),
                help_text=said.get("hint", ""),
                max_length=300,
            )
        self.order_fields(
            [*(f"slot_{name}" for name in self.open_slots), "recipients", "next_update_at", "confirm_data_safety"]
        )
        if template.audience != Audience.INTERNAL and "next_update" not in used:
            del self.fields["next_update_at"]
            self.fields["recipients"].required = True
        if not (incident.data_loss_risk and template.claims_data_safety):
            del self.fields["confirm_data_safety"]
        if template.audience == Audience.INTERNAL:
            self.fields["recipients"].help_text = _("Left empty it goes to the two people of the incident.")

    def values(self, incident: Incident) -> dict[str, str]:
        """What fills the text so far, also while the form is incomplete."""
        at = getattr(self, "cleaned_data", {}).get("next_update_at")
        known = services.known_slots(incident, self.template, next_update=moment(at, "UTC") if at else "")
        return known | {name: self.data.get(f"slot_{name}", "") for name in self.open_slots}


def _compose(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    """Fill a text; "Look at it" shows it filled, "Send" sends what was shown."""
    user = acting_user(request)
    if not user.has_perm("incidents.add_communication"):
        raise PermissionDenied(f"{user} may not send messages on {incident}.")
    template = _chosen(request, incident)
    if template is None:
        messages.error(request, _("There is no approved text of this name."))
        return HttpResponseRedirect(admin.page_url(incident, "messages"))
    posted = request.method == "POST"
    try:
        form = ComposeForm(request.POST if posted else None, incident=incident, template=template)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(admin.page_url(incident, "messages"))
    valid = posted and form.is_valid()
    filled = services.preview(template, incident, form.values(incident))
    seen = hashlib.sha256(
        "\0".join([filled.subject, filled.body, request.POST.get("recipients", "")]).encode()
    ).hexdigest()
    if valid and request.POST.get("act") == "send":
        if request.POST.get("seen") != seen:
            form.add_error(None, _("You changed the text after looking at it. Look at it again, then send."))
        elif _send(form, incident, template, request):
            return HttpResponseRedirect(admin.page_url(incident, "messages"))
    context = {
        **admin.admin_site.each_context(request),
        "title": template.title or template.key,
        "opts": admin.opts,
        "original": incident,
        "incident": incident,
        "text": template,
        "form": form,
        "filled": filled,
        "looked_at": valid and form.is_valid() and not filled.unfilled and not filled.forbidden,
        "seen": seen,
        "recipient_count": len(services.split_addresses(request.POST.get("recipients", ""))),
        "back": admin.page_url(incident, "messages"),
        "may_confirm": user.has_perm("incidents.lead_incident"),
    }
    return TemplateResponse(request, "incidents/compose.html", context)


def _chosen(request: HttpRequest, incident: Incident) -> MessageTemplate | None:
    """The approved text that the address names: one of the system's templates, or what a playbook step carries."""
    step = request.GET.get("step", "")
    if step.isdecimal():
        row = (
            RunStep.objects.select_related("run__procedure__system")
            .filter(pk=int(step), run__incident=incident, kind=StepKind.MESSAGE)
            .first()
        )
        return services.from_playbook(row) if row and row.audience in Audience.values else None
    approved = MessageTemplate.objects.filter(system=incident.system, is_current=True, approved_at__isnull=False)
    return approved.filter(key=request.GET.get("template", "")).order_by("language").first()


def _send(form: ComposeForm, incident: Incident, template: MessageTemplate, request: HttpRequest) -> bool:
    try:
        sent = services.send(
            incident,
            template,
            actor=acting_user(request),
            at=clock.now(),
            values=form.values(incident),
            recipients=services.split_addresses(form.cleaned_data["recipients"]),
            next_update_at=form.cleaned_data.get("next_update_at"),
            confirm_data_safety=form.cleaned_data.get("confirm_data_safety", False),
        )
    except ValidationError as error:
        form.take_errors(error)
        return False
    except PermissionDenied as error:
        form.add_error(None, str(error))
        return False
    messages.success(request, _("On its way to %(count)s recipients.") % {"count": sent.recipient_count})
    return True
