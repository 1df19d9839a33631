"""Contact methods in the admin: entered, tried and taken out of use; the address itself is never shown again."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.acts import Act, act_page
from config.casework.desk.base import LabelledChoiceField, ReadOnlyAdmin, acting_user
from config.casework.desk.display import badge, person_name
from config.casework.desk.forms import ActForm
from incidents.contact_methods import services
from incidents.contact_methods.models import SET_FOR_OTHERS, ContactMethod
from incidents.contact_methods.selectors import PROVEN_FOR
from integrations.messages.personal import MAIL, SCHEMES

CHANGE = "incidents.change_contactmethod"


class NewMethodForm(ActForm):
    person = LabelledChoiceField(
        label=gettext_lazy("Person"),
        queryset=User.objects.filter(is_staff=True, is_active=True).order_by("name", "email"),
    )
    label = forms.CharField(
        label=gettext_lazy("Name"), max_length=60, required=False, help_text=gettext_lazy("Such as: my phone.")
    )
    address = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        help_text=gettext_lazy("A mail address, or one in the notation of apprise: %(known)s.")
        % {"known": ", ".join(f"{key}://" for key in SCHEMES if key != MAIL)},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    wakes = forms.BooleanField(
        label=gettext_lazy("It rings until I answer"),
        required=False,
        help_text=gettext_lazy("A call, or a push that repeats until it is acknowledged."),
    )


def _test(actor: User, method: ContactMethod, _form: ActForm) -> str:
    services.send_trial(method, actor=actor, at=clock.now())
    return _("The test page is on its way. Press the button behind its link within ten minutes.")


def _first(actor: User, method: ContactMethod, _form: ActForm) -> str:
    services.try_first(method, actor=actor, at=clock.now())
    return _("It is tried before the others now.")


def _retire(actor: User, method: ContactMethod, _form: ActForm) -> str:
    services.set_in_use(method, in_use=False, actor=actor, at=clock.now())
    return _("It is out of use.")


def _reuse(actor: User, method: ContactMethod, _form: ActForm) -> str:
    services.set_in_use(method, in_use=True, actor=actor, at=clock.now())
    return _("It is in use again.")


@admin.register(ContactMethod)
class ContactMethodAdmin(ReadOnlyAdmin):
    """Everybody sees their own; those who set them for others see all."""

    list_display = ("who", "masked", "channel", "waking_badge", "proof_badge", "use_badge")
    list_select_related = ("person",)
    narrow_columns = ("who", "masked", "proof_badge")
    ordering = ("person__name", "position", "pk")
    fields = ("who", "label", "masked", "channel", "waking_badge", "proof_badge", "use_badge", "position", "entered_by", "added_at")  # fmt: skip
    empty_title = gettext_lazy("No contact methods yet")
    empty_why = gettext_lazy("Pages go by mail to the sign-in address. Mail wakes nobody: enter a way that rings.")
    acts = (
        Act("test", gettext_lazy("Send a test page"), CHANGE, _test, available=lambda row: row.is_active),
        Act("first", gettext_lazy("Try this one first"), CHANGE, _first, available=lambda row: row.is_active),
        Act(
            "retire",
            gettext_lazy("Take out of use"),
            CHANGE,
            _retire,
            consequence=gettext_lazy("No page goes this way any more."),
            tone=Tone.WARN,
            available=lambda row: row.is_active,
        ),
        Act("reuse", gettext_lazy("Use again"), CHANGE, _reuse, available=lambda row: not row.is_active),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).has_perm("incidents.add_contactmethod")

    @admin.display(description=gettext_lazy("person"))
    def who(self, obj: ContactMethod) -> str:
        return person_name(obj.person)

    @admin.display(description=gettext_lazy("entered by"))
    def entered_by(self, obj: ContactMethod) -> str:
        return person_name(obj.added_by)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404(f"no contact method {object_id}")  # those of others are not even said to exist

    @admin.display(description=gettext_lazy("wakes"))
    def waking_badge(self, obj: ContactMethod) -> SafeString:
        return badge(_("rings until answered"), Tone.OK) if obj.wakes else badge(_("does not wake"), Tone.NEUTRAL)

    @admin.display(description=gettext_lazy("proof"))
    def proof_badge(self, obj: ContactMethod) -> SafeString:
        if obj.failed_at and (obj.proven_at is None or obj.failed_at >= obj.proven_at):
            return badge(_("failed"), Tone.DANGER)
        if obj.proven_at is None:
            return badge(_("never tested"), Tone.WARN)
        fresh = obj.proven_at > clock.now() - PROVEN_FOR
        return badge(_("proven"), Tone.OK) if fresh else badge(_("proof too old"), Tone.WARN)

    @admin.display(description=gettext_lazy("use"))
    def use_badge(self, obj: ContactMethod) -> SafeString:
        return badge(_("in use"), Tone.OK) if obj.is_active else badge(_("out of use"), Tone.NEUTRAL)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        user = acting_user(request)

        def perform(form: NewMethodForm) -> str:
            values = form.cleaned_data
            services.add_method(
                values["person"],
                address=values["address"],
                label=values["label"],
                wakes=values["wakes"],
                actor=user,
                at=clock.now(),
            )
            return _("Entered. Send a test page now, and answer it from the phone.")

        label = _("Add a contact method")
        return act_page(
            self,
            request,
            _form_for(user),
            perform,
            title=label,
            submit_label=label,
            back=reverse(self.url_name("changelist")),
            initial={"person": user.pk},
            consequence=_("The address is kept encrypted. Nobody sees it again, only its last letters."),
        )


def _form_for(user: User) -> type[NewMethodForm]:
    """The form with the people this one may enter methods for."""

    class Form(NewMethodForm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if not user.has_perm(SET_FOR_OTHERS):
                field: Any = self.fields["person"]
                field.queryset = User.objects.filter(pk=user.pk)

    return Form
