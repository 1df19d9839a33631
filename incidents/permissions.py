"""What each role may do on the incident desk."""

from config.casework.access.choices import Role
from config.casework.access.roles import grant
from config.casework.permissions import DESK_STAFF, LEADS, READERS

ROWS = (
    "severity",
    "releasewindow",
    "oncallrole",
    "rotation",
    "rotationversion",
    "rotationmember",
    "oncallshift",
    "leave",
    "shiftswap",
    "shiftrecord",
    "handovernote",
    "calendarfeed",
    "page",
    "escalation",
    "procedure",
    "procedurestep",
    "run",
    "runstep",
    "backuppolicy",
    "fallback",
    "messagetemplate",
    "call",
    "mute",
    "storm",
    "stormmember",
    "customer",
    "customercontact",
    "usage",
    "maintenancerule",
    "maintenancewindow",
    "maintenancemessage",
    "notice",
    "optout",
    "runbook",
    "roleholder",
    "commandreference",
    "featureswitch",
    "capacitylimit",
    "capacityreading",
)
CASE_ROWS = (
    "incident",
    "deployment",
    "mitigation",
    "communication",
    "postmortem",
    "actionitem",
    "jointdecision",
    "contributingfactor",
    "reviewsummary",
    "link",
    "affected",
)
WORKERS = (Role.CEO, Role.CTO, Role.SUPPORT)


def declare() -> None:
    """Readers see, workers work, leads decide and set up."""
    _declare_readers()
    _declare_workers()
    _declare_leads()


def _declare_readers() -> None:
    for role in READERS:
        for row in (*ROWS, *CASE_ROWS):
            grant(role, f"incidents.view_{row}")
        grant(role, "incidents.add+change_calendarfeed")
    grant(
        Role.AUDITOR,
        "incidents.view_incidentevent",
        "incidents.view_backuprun",
        "incidents.view_backupverification",
        "incidents.view_merge",
    )


def _declare_workers() -> None:
    for role in WORKERS:
        grant(role, "incidents.add+change_incident", "incidents.add+change_mitigation", "incidents.add_communication")
        grant(
            role,
            "incidents.add+change_run",
            "incidents.change_runstep",
            "incidents.add+change_deployment",
            "incidents.change_fallback",
            "incidents.change_backuppolicy",
            "incidents.add+change_postmortem",
            "incidents.add+change_actionitem",
            "incidents.add_capacityreading",
            "incidents.add_contributingfactor",
            "incidents.add+change_reviewsummary",
            "incidents.add+delete_link",
        )
        grant(role, "incidents.add+change_mute", "incidents.change_page")
        grant(role, "incidents.add_affected", "incidents.add_notice", "incidents.add+change_customercontact")
        grant(
            role,
            "incidents.add+change_oncallshift",
            "incidents.add+change_leave",
            "incidents.add+change_shiftswap",
            "incidents.add+change_handovernote",
        )
    for role in DESK_STAFF:
        grant(role, "incidents.view+add+change_contactmethod")


def _declare_leads() -> None:
    for role in LEADS:
        grant(role, "incidents.open_gate")
        grant(role, "incidents.set_contactmethods", "incidents.view_trialpage")
        grant(
            role,
            "incidents.change_customer",
            "incidents.add+change+delete_usage",
            "incidents.add+change_maintenancewindow",
        )
        grant(role, "incidents.lead_incident", "incidents.decide_incident", "incidents.change_jointdecision")
        grant(
            role,
            "incidents.add+change_severity",
            "incidents.add+change+delete_releasewindow",
            "incidents.change_oncallrole",
            "incidents.add+change_rotation",
        )
        grant(
            role,
            "incidents.add+change_procedure",
            "incidents.add+change+delete_procedurestep",
            "incidents.add+change_messagetemplate",
        )
        grant(
            role,
            "incidents.change_runbook",
            "incidents.add+change+delete_roleholder",
            "incidents.add+change_commandreference",
            "incidents.change_featureswitch",
            "incidents.add+change_capacitylimit",
        )
        grant(role, "incidents.add+view_backuprun", "incidents.view_backupverification", "incidents.view_merge")
