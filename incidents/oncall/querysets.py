from typing import Any

from django.db import models

from config.casework.access.models import User


class FeedQuerySet(models.QuerySet[Any]):
    """Calendar feeds: everybody sees their own; who may change rotations sees all."""

    def visible_to(self, user: User) -> "FeedQuerySet":
        return self.all() if user.has_perm("incidents.change_rotation") else self.filter(owner=user)
