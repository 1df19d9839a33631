"""The admin pages of the shared base, and their lines in the side bar."""

from django.utils.translation import gettext_lazy as _

from config.casework.access import admin as access
from config.casework.approvals import admin as approvals
from config.casework.audit import admin as audit
from config.casework.catalogue import admin as catalogue
from config.casework.desk import foreign
from config.casework.desk.navigation import MACHINE_ROOM, PEOPLE, TRAIL, Line, register_line
from config.casework.work import admin as work

__all__ = ["access", "approvals", "audit", "catalogue", "foreign", "work"]

register_line(PEOPLE, Line(_("People"), "admin:casework_user_changelist", "casework.view_user", "group", 10))
register_line(PEOPLE, Line(_("Deputies"), "admin:casework_deputy_changelist", "casework.view_deputy", "swap_horiz", 20))
register_line(
    PEOPLE,
    Line(_("Organisations"), "admin:casework_organization_changelist", "casework.view_organization", "apartment", 30),
)
register_line(PEOPLE, Line(_("Systems"), "admin:casework_system_changelist", "casework.view_system", "dns", 40))
register_line(
    PEOPLE, Line(_("Calendars"), "admin:casework_calendar_changelist", "casework.view_calendar", "calendar_month", 50)
)
register_line(
    TRAIL, Line(_("Audit trail"), "admin:casework_auditentry_changelist", "casework.view_auditentry", "history", 10)
)
register_line(TRAIL, Line(_("Seals"), "admin:casework_auditseal_changelist", "casework.view_auditseal", "lock", 20))
register_line(
    TRAIL, Line(_("Row history"), "admin:pghistory_events_changelist", "pghistory.view_events", "manage_history", 30)
)
register_line(
    TRAIL, Line(_("Approvals"), "admin:casework_approval_changelist", "casework.view_approval", "approval", 40)
)
register_line(
    MACHINE_ROOM, Line(_("Parked work"), "admin:casework_job_changelist", "casework.view_job", "pending_actions", 10)
)
register_line(
    MACHINE_ROOM, Line(_("API tokens"), "admin:casework_apitoken_changelist", "casework.view_apitoken", "key", 20)
)
register_line(
    MACHINE_ROOM,
    Line(_("Failed sign-ins"), "admin:axes_accessattempt_changelist", "axes.view_accessattempt", "lock_person", 30),
)
