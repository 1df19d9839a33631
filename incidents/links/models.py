"""Incidents that have to do with each other: linked pairs, and duplicates merged into another."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.personal import FREE_TEXT, personal
from incidents.querysets import OfIncidentQuerySet

if TYPE_CHECKING:
    from incidents.models import Incident


@personal(case="incident", note=FREE_TEXT)
class Link(models.Model):
    """Two incidents that belong together; one row for both directions, the older first."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="links_to")
    other = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="links_from")
    note = models.CharField(_("how they belong together"), max_length=200, blank=True)
    linked_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    linked_at = models.DateTimeField(editable=False)

    objects = OfIncidentQuerySet.as_manager()

    class Meta:
        ordering = ("linked_at", "pk")
        default_permissions = ("add", "delete", "view")
        constraints = [
            models.UniqueConstraint(fields=["incident", "other"], name="link_once"),
            models.CheckConstraint(condition=Q(incident__lt=F("other")), name="link_older_first"),
        ]

    def __str__(self) -> str:
        return f"link {self.pk}"

    @property
    def case_root(self) -> "Incident":
        return self.incident


@personal(plain=("paused",), case="duplicate", reason=FREE_TEXT)
class Merge(models.Model):
    """One incident became a duplicate of another; what a split has to undo (`paused`: kinds of the clocks it stopped)."""

    duplicate = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="merges")
    into = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="merged_in")
    reason = models.CharField(_("why they are the same"), max_length=300)
    paused = models.JSONField(default=list, editable=False)
    merged_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    merged_at = models.DateTimeField(editable=False)
    split_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    split_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("merged_at", "pk")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["duplicate"], condition=Q(split_at=None), name="merge_one_at_a_time"),
            models.CheckConstraint(condition=~Q(duplicate=F("into")), name="merge_into_another"),
        ]

    def __str__(self) -> str:
        return f"merge {self.pk}"
