"""Sign-in of staff: no open registration, attempts counted for name and address, one second factor."""

import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.audit.services import record
from config.casework.callers import client_address

__all__ = ["AccountAdapter", "SocialAccountAdapter", "client_address", "sign_in_name"]

FRESH_SIGN_IN_SECONDS = 300


class RoleBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth is untyped
    """What a person may do comes from their roles alone, so nobody is asked for permissions of their own."""

    def _get_user_permissions(self, user_obj: User) -> QuerySet[Permission]:
        return Permission.objects.none()


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def set_password(self, user: Any, password: str) -> None:
        """A password the person chose replaces a generated one."""
        user.must_change_password = False
        super().set_password(user, password)
        record(user, "person.password_changed", actor=user)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return str(settings.LOGIN_REDIRECT_URL)

    def is_reauthentication_required(self, *, app: str | None = None, **kwargs: Any) -> bool:
        """A sign-in of the last five minutes is proof enough to enrol a second factor."""
        request = context.request
        if app == "allauth.mfa" and request is not None:
            records = get_authentication_records(request, request.user)
            if records and time.time() - records[-1]["at"] < FRESH_SIGN_IN_SECONDS:
                return False
        return bool(super().is_reauthentication_required(app=app, **kwargs))


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Google signs in people the desk knows already, from the company's domains, with a verified address."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        addresses = [address.email for address in sociallogin.email_addresses if address.verified]
        if not any(address.rpartition("@")[2].casefold() in settings.STAFF_EMAIL_DOMAINS for address in addresses):
            messages.error(request, _("This Google account may not sign in here."))
            raise ImmediateHttpResponse(redirect("account_login"))


def display_name(user: User) -> str:
    """How sign-in pages and mails address a person."""
    return user.get_full_name()


def sign_in_name(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The name that failed attempts are counted under: what was typed, in lower case."""
    values = credentials or {}
    return str(values.get("email") or values.get("username") or request.POST.get("login", "")).strip().lower()
