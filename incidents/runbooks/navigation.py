"""The group of the side bar under which the rooms register what comes from runbook files."""

from django.utils.translation import gettext_lazy as _

from config.casework.desk.navigation import register_group

RUNBOOKS = "runbooks"
register_group(RUNBOOKS, _("Runbooks"))
