"""People and tokens: make, allow, refuse."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import models, transaction
from django.utils.translation import gettext as _
from guardian.shortcuts import assign_perm

from config.casework.access.actors import Actor
from config.casework.access.choices import STAFF_ROLES, Role, Scope
from config.casework.access.models import RESERVED, ApiToken, Membership, User
from config.casework.audit.services import record
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import Organization

TOKEN_PREFIX = "desk_"  # noqa: S105 - tells our tokens from others


def require(actor: Actor, permission: str, obj: models.Model | None = None) -> None:
    """Refuse unless the actor holds the permission and may see the object.

    The desk itself (None) and tokens, whose scope was checked at the door, pass; a person needs the permission by role
    and, for a case, must see it.

    Raises:
        PermissionDenied: with the reference of the object, never its content.
    """
    if not isinstance(actor, User):
        return
    case = getattr(obj, "case_root", obj)
    if actor.is_active and actor.has_perm(permission) and (case is None or may_see(actor, case)):
        return
    raise PermissionDenied(f"{actor} may not do this" + (f" on {obj}" if obj is not None else "") + ".")


def may_see(user: User, obj: models.Model) -> bool:
    """True when the object's own scoping lets the person see it; rows that are not scoped are seen by permission alone."""
    visible = getattr(type(obj)._default_manager, "visible_to", None)
    return visible is None or visible(user).filter(pk=obj.pk).exists()


def operator_organization() -> Organization:
    """The organisation of the hiring company itself, made on first use."""
    organization, _created = Organization.objects.get_or_create(
        kind=OrganizationKind.OPERATOR, defaults={"key": "operator", "name": "Jobarium"}
    )
    return organization


@transaction.atomic
def add_person(
    email: str,
    *,
    roles: Iterable[Role],
    actor: Actor,
    at: datetime,
    organization: Organization | None = None,
    name: str = "",
    password: str | None = None,
    can_sign_in: bool = True,
) -> tuple[User, str | None]:
    """Make an account with roles, or give an existing one further roles.

    Args:
        organization: where the person belongs; the operator's own when left out.
        password: a chosen one; without it a one-time password is generated, to be changed at the first sign-in.
        can_sign_in: False makes an account without any password.
    Returns:
        the person, and the generated one-time password (None when one was given or the account existed).
    Raises:
        ValidationError: bad address, weak password, or no role.
    """
    roles = frozenset(roles)
    email = email.strip().lower()
    validate_email(email)
    if not roles:
        raise ValidationError("A person needs at least one role.")
    user = User.objects.filter(email=email).first()
    generated: str | None = None
    if user is None:
        user = User(email=email, name=name)
        if password is not None:
            validate_password(password, user)
        elif can_sign_in:
            generated = secrets.token_urlsafe(15)
        user.must_change_password = generated is not None
        user.set_password(password or generated)
    user.is_staff = user.is_staff or bool(roles & STAFF_ROLES)
    user.save()
    user.groups.add(*Group.objects.filter(name__in=[role.value for role in roles]))
    Membership.objects.get_or_create(
        user=user, organization=organization or operator_organization(), defaults={"is_admin": Role.ORG_ADMIN in roles}
    )
    record(user, "person.added", actor=actor, at=at, detail={"roles": sorted(role.value for role in roles)})
    return user, generated


def first_administrator(email: str | None, password: str | None, at: datetime) -> tuple[User, str | None] | None:
    """Make the first person, in the role CTO, when nobody works at the desk yet (people of the demo do not count).

    Args:
        email: address; admin@localhost.localdomain when left out.
        password: chosen password; else a one-time password is generated.
    Returns:
        None when somebody exists; else the person and the generated password, if one was.
    Raises:
        ValidationError: bad address or weak password.
    """
    if User.objects.filter(is_staff=True).exclude(email__endswith=RESERVED).exists():
        return None
    return add_person(
        email or "admin@localhost.localdomain", roles=[Role.CTO], actor=None, at=at, password=password or None
    )


def issue_token(
    name: str, scopes: Iterable[Scope], *, actor: Actor, at: datetime, expires_at: datetime | None = None
) -> str:
    """Make an API token and return it; it is shown this once and kept as a digest only.

    Raises:
        ValidationError: no scope.
    """
    chosen = sorted({Scope(scope).value for scope in scopes})
    if not chosen:
        raise ValidationError("A token needs at least one scope.")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        name=name,
        prefix=token[:10],
        digest=digest(token),
        scopes=chosen,
        created_by=actor if isinstance(actor, User) else None,
        created_at=at,
        expires_at=expires_at,
    )
    record(row, "token.issued", actor=actor, at=at, detail={"scopes": chosen})
    return token


def revoke_token(token: ApiToken, *, actor: Actor, at: datetime) -> None:
    """End a token at once."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=at):
            record(token, "token.revoked", actor=actor, at=at)


def share(case: models.Model, person: User, *, actor: Actor, at: datetime) -> None:
    """Let one person see a restricted case, and nothing more.

    Raises:
        PermissionDenied: `actor` may not change this case.
        ValidationError: the case is not restricted, or the person may not sign in.
    """
    app_label, model_name = case._meta.app_label, case._meta.model_name
    require(actor, f"{app_label}.change_{model_name}", case)
    if not getattr(case, "restricted", False):
        raise ValidationError(_("Everybody who may see this kind of case sees it already."))
    if not person.is_active:
        raise ValidationError({"person": _("This person may not sign in.")})
    with transaction.atomic():
        assign_perm(f"view_{model_name}", person, case)
        record(case, "case.shared", actor=actor, at=at, about=person)


def set_access(person: User, *, active: bool, actor: Actor, at: datetime) -> None:
    """Let a person sign in, or no longer; the account and what it did stay.

    Raises:
        ValidationError: it is the actor's own account.
        PermissionDenied: `actor` may not change people.
    """
    require(actor, "casework.change_user")
    if person == actor and not active:
        raise ValidationError(_("You cannot lock yourself out. Ask somebody else."))
    with transaction.atomic():
        if User.objects.filter(pk=person.pk).exclude(is_active=active).update(is_active=active):
            record(person, "person.activated" if active else "person.deactivated", actor=actor, at=at)
    person.refresh_from_db()


def set_roles(person: User, roles: Iterable[Role], *, actor: Actor, at: datetime) -> None:
    """Give a person exactly these roles.

    Raises:
        ValidationError: no role is left, or the actor changes their own roles.
        PermissionDenied: `actor` may not change people.
    """
    require(actor, "casework.change_user")
    wanted = frozenset(roles)
    held = User.objects.get(pk=person.pk).roles
    if wanted == held:
        return
    if person == actor:
        raise ValidationError({"roles": _("Nobody changes their own roles. Ask somebody else.")})
    if not wanted:
        raise ValidationError({"roles": _("A person needs at least one role.")})
    with transaction.atomic():
        person.groups.set(Group.objects.filter(name__in=[role.value for role in wanted]))
        User.objects.filter(pk=person.pk).update(is_staff=bool(wanted & STAFF_ROLES))
        record(
            person, "person.roles_changed", actor=actor, at=at, detail={"before": sorted(held), "roles": sorted(wanted)}
        )


def renew_password(person: User, *, actor: Actor, at: datetime) -> str:
    """Give a person a new one-time password, to be changed at the next sign-in, and return it.

    Raises:
        PermissionDenied: `actor` may not change people.
    """
    require(actor, "casework.change_user")
    password = secrets.token_urlsafe(15)
    person.set_password(password)
    person.must_change_password = True
    with transaction.atomic():
        person.save(update_fields=["password", "must_change_password"])
        record(person, "person.password_renewed", actor=actor, at=at)
    return password


def digest(token: str) -> str:
    """The form in which a token is kept: SHA-256 of a long random text needs no salt."""
    return hashlib.sha256(token.encode()).hexdigest()
