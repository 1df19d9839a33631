"""Which role holds which permission. Each app declares its part; groups follow after every migration."""

from collections import defaultdict
from collections.abc import Iterable

from django.apps import apps

from config.casework.access.choices import Role

_grants: dict[Role, set[str]] = defaultdict(set)
_VERBS = ("view", "add", "change", "delete")


def grant(role: Role, *permissions: str) -> None:
    """Let a role hold permissions, written "app.codename" or "app.view+change_model"."""
    for permission in permissions:
        app, _dot, code = permission.partition(".")
        verbs, _underscore, rest = code.partition("_")
        _grants[role].update(f"{app}.{verb}_{rest}" for verb in verbs.split("+"))


def granted(role: Role) -> frozenset[str]:
    return frozenset(_grants[role])


def holders(permission: str) -> frozenset[Role]:
    """The roles that hold a permission."""
    return frozenset(role for role, held in _grants.items() if permission in held)


def sync(roles: Iterable[Role] = tuple(Role)) -> None:
    """Make the groups hold exactly what the code declares.

    Raises:
        LookupError: a declared permission does not exist.
    """
    group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    existing = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in permission_model.objects.select_related("content_type")
    }
    for role in roles:
        group, _created = group_model.objects.get_or_create(name=role.value)
        missing = sorted(_grants[role] - existing.keys())
        if missing:
            raise LookupError(f"role {role}: no such permission: {', '.join(missing)}")
        group.permissions.set([existing[code] for code in _grants[role]])
