"""Who sees which assessments, and the few sets of them that figures and sweeps look at."""

from typing import TYPE_CHECKING, Any, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models

from disputes.assessments.choices import UNTOLD

if TYPE_CHECKING:
    from config.casework.access.models import User


class OfOrganizationQuerySet(models.QuerySet[Any]):
    """Rows of an organisation: the operator's staff see all, members of an employer their own."""

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser or user.is_operator:
            return self
        return self.filter(organization_id__in=user.organization_ids)


class AssessmentQuerySet(OfOrganizationQuerySet):
    def untold(self) -> Self:
        """Labels that can be contested and whose subject was not told: a red figure."""
        return self.filter(notice_state__in=UNTOLD)


class OfAssessmentQuerySet(models.QuerySet[Any]):
    """Rows of an assessment are seen by whoever may see it."""

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser or user.is_operator:
            return self
        return self.filter(assessment__organization_id__in=user.organization_ids)
