"""People, their roles and places, and the tokens of the API."""

from typing import Any
from zoneinfo import available_timezones

from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access import services
from config.casework.access.choices import Role, Scope
from config.casework.access.models import ApiToken, Membership, User
from config.casework.audit.services import record
from config.casework.catalogue.models import Organization
from config.casework.choices import Tone
from config.casework.desk.acts import Act, Secret, act_page
from config.casework.desk.base import DeskAdmin, DeskTabularInline, LabelledChoiceField, ReadOnlyAdmin, acting_user
from config.casework.desk.display import badge
from config.casework.desk.filters import RevokedFilter
from config.casework.desk.forms import ActForm, MomentInput


class RolesField(forms.TypedMultipleChoiceField):
    """One or more roles, as boxes to tick."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=Role.choices,
            coerce=Role,
            widget=forms.CheckboxSelectMultiple,
            label=gettext_lazy("Roles"),
            **kwargs,
        )


class NewPersonForm(ActForm):
    email = forms.EmailField(label=gettext_lazy("Email"), help_text=gettext_lazy("The person signs in with it."))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120, required=False)
    roles = RolesField()
    organization = LabelledChoiceField(
        label=gettext_lazy("Organisation"),
        queryset=Organization.objects.all(),
        required=False,
        help_text=gettext_lazy("Leave it empty for our own company."),
    )


class PersonForm(forms.ModelForm[User]):
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES)
    roles = RolesField()

    class Meta:
        model = User
        fields = ("name", "phone", "language", "zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "roles" in self.fields:
            self.fields["roles"].initial = sorted(self.instance.roles)

    def clean_zone(self) -> str:
        zone = str(self.cleaned_data["zone"])
        if zone not in available_timezones():
            raise ValidationError(_("There is no time zone of this name. Write it like Europe/Berlin."))
        return zone


class MembershipInline(DeskTabularInline):
    model = Membership
    fields = ("organization", "is_admin")
    can_delete = True


def _new_password(actor: User, person: User, _form: ActForm) -> Secret:
    password = services.renew_password(person, actor=actor, at=clock.now())
    return Secret(_("One-time password"), _("It is shown this once. It must be changed at the next sign-in."), password)


def _deactivate(actor: User, person: User, _form: ActForm) -> str:
    services.set_access(person, active=False, actor=actor, at=clock.now())
    return _("%(person)s may no longer sign in.") % {"person": person}


def _activate(actor: User, person: User, _form: ActForm) -> str:
    services.set_access(person, active=True, actor=actor, at=clock.now())
    return _("%(person)s may sign in again.") % {"person": person}


def _forget_factor(actor: User, person: User, _form: ActForm) -> str:
    Authenticator.objects.filter(user=person).delete()
    record(person, "person.second_factor_removed", actor=actor, at=clock.now())
    return _("%(person)s sets up a new second factor at the next sign-in.") % {"person": person}


@admin.register(User)
class UserAdmin(DeskAdmin):
    """People are never deleted: what they did keeps its author."""

    form = PersonForm
    fields = ("name", "phone", "language", "zone", "roles")
    inlines = (MembershipInline,)
    list_display = ("who", "role_names", "place_names", "access_badge", "last_login")
    list_filter = ("is_active", "is_staff")
    narrow_columns = ("who", "role_names", "access_badge")
    search_fields = ("name", "email")
    ordering = ("name", "email")
    acts = (
        Act(
            "password",
            gettext_lazy("New one-time password"),
            "casework.change_user",
            _new_password,
            consequence=gettext_lazy("The present password stops working at once. Hand the new one over yourself."),
            tone=Tone.WARN,
            available=lambda person: person.is_active,
        ),
        Act(
            "factor",
            gettext_lazy("Remove second factor"),
            "casework.change_user",
            _forget_factor,
            consequence=gettext_lazy(
                "Make sure that you speak with the person: whoever has the password can set up a new one."
            ),
            tone=Tone.DANGER,
            available=lambda person: Authenticator.objects.filter(user=person).exists(),
        ),
        Act(
            "deactivate",
            gettext_lazy("May no longer sign in"),
            "casework.change_user",
            _deactivate,
            consequence=gettext_lazy("The person is signed out everywhere. What they did stays."),
            tone=Tone.DANGER,
            available=lambda person: person.is_active,
        ),
        Act(
            "activate",
            gettext_lazy("May sign in again"),
            "casework.change_user",
            _activate,
            available=lambda person: not person.is_active,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups", "memberships__organization")

    def has_pick_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).is_staff

    def label(self, obj: User) -> str:
        return f"{obj.get_full_name()} ({obj})"

    @admin.display(description=gettext_lazy("person"))
    def who(self, obj: User) -> str:
        return self.label(obj)

    @admin.display(description=gettext_lazy("roles"))
    def role_names(self, obj: User) -> str:
        return ", ".join(str(Role(group.name).label) for group in obj.groups.all() if group.name in Role.values)

    @admin.display(description=gettext_lazy("belongs to"))
    def place_names(self, obj: User) -> str:
        return ", ".join(membership.organization.name for membership in obj.memberships.all())

    @admin.display(description=gettext_lazy("sign-in"))
    def access_badge(self, obj: User) -> SafeString:
        return badge(_("may sign in"), Tone.OK) if obj.is_active else badge(_("may not sign in"), Tone.NEUTRAL)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def perform(form: NewPersonForm) -> str | Secret:
            person, password = services.add_person(
                form.cleaned_data["email"],
                roles=form.cleaned_data["roles"],
                actor=acting_user(request),
                at=clock.now(),
                organization=form.cleaned_data["organization"],
                name=form.cleaned_data["name"],
            )
            if password is None:
                return _("%(person)s was here already and has these roles too now.") % {"person": person}
            return Secret(
                _("One-time password"), _("It is shown this once. It must be changed at the first sign-in."), password
            )

        label = _("Add a person")
        return act_page(
            self,
            request,
            NewPersonForm,
            perform,
            title=label,
            submit_label=label,
            back=reverse(self.url_name("changelist")),
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().change_view(request, object_id, form_url, extra_context)
        except ValidationError as error:
            for text in error.messages:
                messages.error(request, text)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        changed = [name for name in form.changed_data if name != "roles"]
        if changed:
            obj.save(update_fields=changed)
            record(obj, "person.changed", actor=acting_user(request), at=clock.now(), fields=changed)
        services.set_roles(obj, form.cleaned_data["roles"], actor=acting_user(request), at=clock.now())


class NewTokenForm(ActForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, help_text=gettext_lazy("Which machine uses it."))
    scopes = forms.TypedMultipleChoiceField(
        label=gettext_lazy("It may"), choices=Scope.choices, coerce=Scope, widget=forms.CheckboxSelectMultiple
    )
    expires_at = forms.DateTimeField(label=gettext_lazy("Ends"), required=False, widget=MomentInput)


def _revoke(actor: User, token: ApiToken, _form: ActForm) -> str:
    services.revoke_token(token, actor=actor, at=clock.now())
    return _("%(token)s no longer works.") % {"token": token}


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens are shown once when they are made, never changed, and revoked rather than deleted."""

    list_display = ("name", "prefix", "scope_names", "state_badge", "last_used_at", "created_at")
    list_filter = (RevokedFilter,)
    narrow_columns = ("name", "scope_names", "state_badge")
    search_fields = ("name", "prefix")
    ordering = ("name",)
    fields = (
        "name",
        "prefix",
        "scope_names",
        "state_badge",
        "created_by",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    acts = (
        Act(
            "revoke",
            gettext_lazy("Revoke"),
            "casework.change_apitoken",
            _revoke,
            consequence=gettext_lazy("Whatever uses this token is refused from now on. This cannot be taken back."),
            tone=Tone.DANGER,
            available=lambda token: token.revoked_at is None,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return acting_user(request).has_perm("casework.add_apitoken")

    @admin.display(description=gettext_lazy("may"))
    def scope_names(self, obj: ApiToken) -> str:
        return ", ".join(str(Scope(scope).label) for scope in obj.scopes if scope in Scope.values)

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: ApiToken) -> SafeString:
        if obj.revoked_at:
            return badge(_("revoked"), Tone.NEUTRAL)
        if obj.expires_at and obj.expires_at <= clock.now():
            return badge(_("ended"), Tone.WARN)
        return badge(_("works"), Tone.OK)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied

        def perform(form: NewTokenForm) -> Secret:
            values = form.cleaned_data
            token = services.issue_token(
                values["name"],
                values["scopes"],
                actor=acting_user(request),
                at=clock.now(),
                expires_at=values["expires_at"],
            )
            return Secret(_("Your new token"), _("It is shown this once. Copy it now; only its digest is kept."), token)

        label = _("Make a token")
        return act_page(
            self,
            request,
            NewTokenForm,
            perform,
            title=label,
            submit_label=label,
            back=reverse(self.url_name("changelist")),
        )
