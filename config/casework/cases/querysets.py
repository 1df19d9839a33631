"""Who sees which cases: the one place that scopes them."""

from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Cast
from guardian.models import UserObjectPermission

if TYPE_CHECKING:
    from config.casework.access.models import User


class CaseQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """The cases this person may see.

        Operator staff see every organisation, members of an employer their own; a restricted case is seen by its
        owner, by people it was shared with (object permission) and by superadmins.
        """
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        shared = Q(restricted=False) | Q(owner=user) | Q(pk__in=self._shared_with(user))
        if user.is_operator:
            return self.filter(shared)
        return self.filter(shared, organization_id__in=user.organization_ids)

    def _shared_with(self, user: "User") -> models.QuerySet[Any]:
        """Keys of the cases shared with a person: a look at their few grants, never at all cases."""
        grants = UserObjectPermission.objects.filter(
            user=user,
            content_type=ContentType.objects.get_for_model(self.model),
            permission__codename=f"view_{self.model._meta.model_name}",
        )
        keys: models.QuerySet[Any] = grants.annotate(case_pk=Cast("object_pk", models.BigIntegerField()))
        return keys.values("case_pk")

    def open(self) -> Self:
        return self.filter(state__in=self.model.OPEN_STATES)

    def nearest_clock_first(self) -> Self:
        return self.order_by(F("next_due_at").asc(nulls_last=True), "pk")
