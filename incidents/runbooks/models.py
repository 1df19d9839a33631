"""A system as its runbook describes it: the same row, with a page of its own on the incident desk."""

from django.utils.translation import gettext_lazy as _

from config.casework.catalogue.models import System


class Runbook(System):
    """What the runbook says of a system: contacts, levels, matrix, parts, switches, limits (INC-01)."""

    class Meta:
        proxy = True
        verbose_name = _("runbook")
        default_permissions = ("view", "change")
