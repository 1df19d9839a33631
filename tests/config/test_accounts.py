"""Signing in: generated passwords, second factor, lock-out, superadmins from the environment."""

from datetime import datetime

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client
from pytest_django.fixtures import Settings

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import add_person
from tests import factories

NEW_PASSWORD = "four winds and a kettle"


def sign_in(client: Client, email: str, password: str) -> int:
    return client.post("/accounts/login/", {"login": email, "password": password}).status_code


class TestGeneratedPassword:
    @pytest.fixture
    def newcomer(self, db: None) -> tuple[User, str]:
        user, password = add_person("new@example.com", roles=[Role.SUPPORT], actor=None, at=clock.now())
        assert password is not None
        return user, password

    def test_it_must_be_changed_before_anything_else(self, client: Client, newcomer: tuple[User, str]) -> None:
        user, password = newcomer
        assert sign_in(client, user.email, password) == 302
        assert client.get("/admin/").headers["Location"].startswith("/accounts/password/change/")

    def test_the_second_factor_follows_then(self, client: Client, newcomer: tuple[User, str]) -> None:
        user, password = newcomer
        sign_in(client, user.email, password)
        changed = client.post(
            "/accounts/password/change/",
            {"oldpassword": password, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
        )
        assert changed.headers["Location"] == "/admin/"
        assert client.get("/admin/").headers["Location"].startswith("/accounts/2fa/totp/activate/")
        assert not User.objects.get(pk=user.pk).must_change_password


class TestSecondFactor:
    def test_staff_without_one_see_no_desk(self, client: Client, lead: User) -> None:
        client.force_login(lead)
        assert client.get("/admin/incidents/incident/").status_code == 302

    def test_staff_with_one_do(self, client: Client, lead: User) -> None:
        Authenticator.objects.create(user=lead, type=Authenticator.Type.TOTP, data={"secret": "x"})
        client.force_login(lead)
        assert client.get("/admin/incidents/incident/").status_code == 200


class TestLockOut:
    def test_five_wrong_passwords_lock_the_name_also_for_the_right_one(self, client: Client, lead: User) -> None:
        answers = [sign_in(client, lead.email, "wrong") for _attempt in range(5)]
        assert answers[-1] == 429
        assert sign_in(client, lead.email, factories.PASSWORD) == 429

    def test_others_still_sign_in(self, client: Client, lead: User, chief: User) -> None:
        for _attempt in range(6):
            sign_in(client, lead.email, "wrong")
        assert sign_in(client, chief.email, factories.PASSWORD) == 302

    def test_an_unknown_name_is_treated_the_same(self, client: Client, db: None) -> None:
        assert [sign_in(client, "nobody@example.com", "wrong") for _attempt in range(5)][-1] == 429


class TestSuperadmin:
    @pytest.fixture(autouse=True)
    def named(self, settings: Settings) -> None:
        settings.SUPERADMIN_EMAILS = frozenset({"root@example.com"})

    def test_the_address_alone_gives_no_power(self, db: None) -> None:
        assert not factories.person(Role.MEMBER, email="root@example.com").is_superuser

    def test_an_unconfirmed_mailbox_gives_no_power(self, db: None) -> None:
        user = factories.person(Role.MEMBER, email="root@example.com")
        EmailAddress.objects.create(user=user, email=user.email, verified=False, primary=True)
        assert not User.objects.get(pk=user.pk).is_superuser

    def test_the_owner_of_the_mailbox_has_it_until_the_address_is_removed(self, db: None, settings: Settings) -> None:
        user = factories.person(Role.CTO, email="Root@Example.com")
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        assert User.objects.get(pk=user.pk).is_superuser
        settings.SUPERADMIN_EMAILS = frozenset()
        assert not User.objects.get(pk=user.pk).is_superuser

    def test_nothing_of_it_is_stored(self, db: None) -> None:
        assert "is_superuser" not in {field.column for field in User._meta.concrete_fields}

    def test_nobody_can_register(self, client: Client, db: None, now: datetime) -> None:
        client.post(
            "/accounts/signup/", {"email": "root@example.com", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
        )
        assert not User.objects.filter(email="root@example.com").exists()
