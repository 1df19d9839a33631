"""What each role may do with the shared base. The apps above grant their own part in a file of the same name."""

from config.casework.access.choices import Role
from config.casework.access.roles import grant

LEADS = (Role.CEO, Role.CTO)
DESK_STAFF = (Role.CEO, Role.CTO, Role.SUPPORT, Role.PRIVACY, Role.REVIEWER)
READERS = (*DESK_STAFF, Role.AUDITOR)


def declare() -> None:
    for role in READERS:
        grant(
            role,
            "casework.view_system",
            "casework.view_calendar",
            "casework.view_organization",
            "casework.view_deadline",
            "casework.view_auditentry",
        )
    for role in DESK_STAFF:
        grant(role, "casework.view+add_note", "casework.view+add_storedfile")
    for role in LEADS:
        grant(
            role,
            "casework.view+add+change_user",
            "casework.view+add+change+delete_membership",
            "casework.view+add+change_organization",
        )
        grant(
            role,
            "casework.view+add+change+delete_deputy",
            "casework.view+add+change_calendar",
            "casework.change_system",
            "casework.view_job",
        )
        grant(role, "casework.view+add+change_apitoken")
        grant(role, "casework.view_approval", "casework.view_signature", "axes.view+delete_accessattempt")
    for role in (Role.CTO, Role.AUDITOR):
        grant(role, "pghistory.view_events", "casework.view_approval", "casework.view_signature")
    for role in (*LEADS, Role.PRIVACY):
        grant(role, "casework.redact_note", "casework.delete_storedfile")
    grant(Role.AUDITOR, "casework.view_storedfile")
    grant(Role.AUDITOR, "casework.view_auditseal", "casework.view_user", "casework.view_note", "casework.view_job")
    grant(Role.CTO, "casework.view_auditseal", "casework.change_job")
