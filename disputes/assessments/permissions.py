"""What each role may do with assessments, hiring decisions and the register."""

from config.casework.access.choices import Role
from config.casework.access.roles import grant
from config.casework.permissions import LEADS

SEEN = (
    "assessment",
    "assessmentversion",
    "scoringversion",
    "labelview",
    "employerswitch",
    "hiringdecision",
    "refusedattempt",
    "proxyfinding",
    "aisystem",
    "reviewerauthority",
    "seriousincident",
    "versionnotice",
)
SUPPORT_SEES = ("assessment", "assessmentversion", "aisystem")


def declare() -> None:
    for role in (*LEADS, Role.REVIEWER, Role.AUDITOR):
        for row in SEEN:
            grant(role, f"disputes.view_{row}")
    for row in SUPPORT_SEES:
        grant(Role.SUPPORT, f"disputes.view_{row}")
    for role in LEADS:
        grant(role, "disputes.answer_proxyfinding", "disputes.add_employerswitch")
        grant(role, "disputes.add_reviewerauthority")
        grant(role, "disputes.add_seriousincident", "disputes.report_seriousincident")
        grant(role, "disputes.add+change_scoringversion")
        grant(role, "disputes.add+change_hiringdecision", "disputes.add+change_assessment")
    grant(Role.AUDITOR, "disputes.view_assessmentevent")
