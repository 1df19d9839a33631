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
from django.utils.translation import gettext_lazy, ngettext

from config.casework import clock
from config.casework.desk.acts import act_page
from config.casework.desk.base import acting_user
from config.casework.desk.forms import ActForm, MomentInput
from config.casework.words import moment
from incidents.communications import services
from incidents.communications.choices import Audience
from incidents.communications.models import MessageTemplate
from incidents.customers import desk as customers
from incidents.customers.selectors import Readers, groups_of, readers
from incidents.models import Incident
from incidents.procedures.choices import StepKind
from incidents.procedures.models import RunStep

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin


def tab(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """The texts that may be sent about this incident, the customers it hits, and where we talk about it."""
    user = acting_user(request)
    may_send = user.has_perm("incidents.add_communication")
    texts = MessageTemplate.objects.filter(
        system=incident.system, is_current=True, approved_at__isnull=False, audience__in=Audience.values
    ).order_by("audience", "key")
    compose = reverse(admin.url_name("compose"), args=[incident.pk])
    return {
        "texts": [
            {"template": text, "url": f"{compose}?template={text.key}&language={text.language}"} for text in texts
        ]
        if may_send
        else [],
        "may_change": user.has_perm("incidents.change_incident"),
        "channel_url": reverse(admin.url_name("channel"), args=[incident.pk]),
        **customers.affected_context(admin, user, incident),
    }


def urls(admin: "CaseAdmin") -> list[Any]:
    def compose(request: HttpRequest, object_id: int) -> HttpResponse:
        return _compose(admin, request, admin.visible_case(request, object_id))

    def channel(request: HttpRequest, object_id: int) -> HttpResponse:
        return _channel(admin, request, admin.visible_case(request, object_id))

    def named(what: str, view: Any) -> Any:
        name = admin.url_name(what).removeprefix("admin:")
        return path(f"<int:object_id>/{what}/", admin.admin_site.admin_view(view), name=name)

    return [named("compose", compose), named("channel", channel), *customers.case_urls(admin)]


class ChannelForm(ActForm):
    """Where we talk about an incident."""

    channel = forms.CharField(
        label=gettext_lazy("Channel"),
        help_text=gettext_lazy("An address, or the name of the room. It stands in the internal update."),
        max_length=300,
    )


def _channel(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> HttpResponse:
    user = acting_user(request)
    if not user.has_perm("incidents.change_incident"):
        raise PermissionDenied(f"{user} may not change {incident}.")

    def perform(form: ChannelForm) -> str:
        services.open_channel(incident, channel=form.cleaned_data["channel"], actor=user, at=clock.now())
        return _("The channel is noted.")

    return act_page(
        admin,
        request,
        ChannelForm,
        perform,
        title=_("Incident channel"),
        submit_label=_("Keep it"),
        back=admin.page_url(incident, "messages"),
        initial={"channel": incident.channel},
        original=incident,
    )


class ComposeForm(ActForm):
    """What one text needs: its open slots, who gets it, when the next word comes."""

    recipients = forms.CharField(
        label=gettext_lazy("Recipients"),
        help_text=gettext_lazy("Mail addresses, one a line."),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
    )
    groups = forms.MultipleChoiceField(
        label=gettext_lazy("Customers"),
        help_text=gettext_lazy("Their contacts for incidents get it, each once."),
        widget=forms.CheckboxSelectMultiple,
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
            [
                *(f"slot_{name}" for name in self.open_slots),
                "groups",
                "recipients",
                "next_update_at",
                "confirm_data_safety",
            ]
        )
        if template.audience != Audience.INTERNAL and "next_update" not in used:
            del self.fields["next_update_at"]
        if template.audience in (Audience.EMPLOYER, Audience.STATUS):
            self.fields["groups"].choices = groups_of(incident.system, incident)  # type: ignore[attr-defined]
        else:
            del self.fields["groups"]
        if not incident.data_loss_risk:
            del self.fields["confirm_data_safety"]
        if template.audience == Audience.INTERNAL:
            self.fields["recipients"].help_text = _("Left empty it goes to the two people of the incident.")
        if template.audience == Audience.STATUS:
            self.fields["recipients"].help_text = _("Left empty it is kept for the status page and mailed to nobody.")

    def chosen_groups(self) -> list[str]:
        """The groups ticked so far, of those that are offered."""
        if "groups" not in self.fields:
            return []
        ticked = self.data.getlist("groups") if self.is_bound else self.initial.get("groups", [])  # type: ignore[attr-defined]
        offered = {key for key, _label in self.fields["groups"].choices}  # type: ignore[attr-defined]
        return [group for group in ticked if group in offered]

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
        form = ComposeForm(
            request.POST if posted else None,
            incident=incident,
            template=template,
            initial={"groups": request.GET.getlist("group")},
        )
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(admin.page_url(incident, "messages"))
    valid = posted and form.is_valid()
    filled = services.preview(template, incident, form.values(incident))
    people = readers(incident.system, form.chosen_groups(), template, incident)
    typed = services.split_addresses(request.POST.get("recipients", ""))
    addresses = {contact.email for contact in people.contacts} | {address.lower() for address in typed}
    seen = hashlib.sha256("\0".join([filled.subject, filled.body, *sorted(addresses)]).encode()).hexdigest()
    if valid and request.POST.get("act") == "send":
        if request.POST.get("seen") != seen:
            form.add_error(None, _("You changed the text after looking at it. Look at it again, then send."))
        elif _send(form, incident, template, request, people):
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
        "recipient_count": len(addresses),
        "people": people,
        "typed": typed,
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
    wanted = approved.filter(key=request.GET.get("template", "")).select_related("system")
    return wanted.filter(language=request.GET.get("language", "")).first() or wanted.order_by("language").first()


def _send(
    form: ComposeForm, incident: Incident, template: MessageTemplate, request: HttpRequest, people: Readers
) -> bool:
    try:
        sent = services.send(
            incident,
            template,
            actor=acting_user(request),
            at=clock.now(),
            values=form.values(incident),
            recipients=services.split_addresses(form.cleaned_data["recipients"]),
            contacts=people.contacts,
            next_update_at=form.cleaned_data.get("next_update_at"),
            confirm_data_safety=form.cleaned_data.get("confirm_data_safety", False),
        )
    except ValidationError as error:
        form.take_errors(error)
        return False
    except PermissionDenied as error:
        form.add_error(None, str(error))
        return False
    said = ngettext("On its way to %(count)d recipient.", "On its way to %(count)d recipients.", sent.recipient_count)
    messages.success(request, said % {"count": sent.recipient_count} if sent.recipient_count else _("It is kept."))
    return True
