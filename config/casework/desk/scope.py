"""Rows that belong to a case are seen by whoever may see the case."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q

from config.casework.access.models import User
from config.casework.cases.models import Case
from config.casework.personal import declaration


def scoped(rows: models.QuerySet[Any], user: User) -> models.QuerySet[Any]:
    """Only the rows this person may see.

    A manager with `visible_to` decides itself. Else the path to the case, declared beside the model, is followed; rows
    that lead to no case are seen by permission alone.
    """
    visible = getattr(rows, "visible_to", None)
    if visible is not None:
        found: models.QuerySet[Any] = visible(user)
        return found
    declared = declaration(rows.model)
    if declared is None or not declared.case:
        return rows
    if declared.case == "generic":
        return rows.filter(_of_visible_cases(user))
    path = declared.case.replace(".", "__")
    model = _end_of(rows.model, path)
    return rows.filter(**{f"{path}__in": scoped(model._default_manager.all(), user)})


def hidden_references(user: User) -> models.QuerySet[Any] | None:
    """References of restricted cases this person may not see; None when there is no kind of case."""
    hidden = [
        kind._default_manager.filter(restricted=True)
        .exclude(pk__in=kind._default_manager.visible_to(user).values("pk"))
        .values("reference")
        for kind in _kinds()
    ]
    return hidden[0].union(*hidden[1:]) if len(hidden) > 1 else hidden[0] if hidden else None


def _of_visible_cases(user: User) -> Q:
    condition = Q(pk__in=[])
    for kind in _kinds():
        visible = kind._default_manager.visible_to(user).values("pk")
        condition |= Q(content_type=ContentType.objects.get_for_model(kind), object_id__in=visible)
    return condition


def _kinds() -> list[type[Case]]:
    """Every kind of case there is, whichever desk it belongs to."""
    return [kind for kind in Case.__subclasses__() if not kind._meta.abstract and not kind._meta.proxy]


def _end_of(model: type[models.Model], path: str) -> type[models.Model]:
    for name in path.split("__"):
        model = model._meta.get_field(name).related_model  # type: ignore[assignment]
    return model
