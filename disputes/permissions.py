"""What each role may do on the dispute desk. What a candidate said of circumstances is the reviewer's alone."""

from config.casework.access.choices import Role
from config.casework.access.roles import grant
from config.casework.permissions import LEADS, READERS

ROWS = (
    "dispute",
    "filing",
    "letter",
    "hearing",
    "review",
    "decision",
    "reversal",
    "secondlook",
    "pipelinefault",
    "rescore",
)
REVIEWERS = (Role.CEO, Role.CTO, Role.REVIEWER)
WORKERS = (*REVIEWERS, Role.SUPPORT)


def declare() -> None:
    for role in READERS:
        for row in ROWS:
            grant(role, f"disputes.view_{row}")
        grant(role, "disputes.view_explanation")
    for role in WORKERS:
        grant(role, "disputes.change_dispute", "disputes.change_letter", "disputes.add+change_reversal")
    for role in REVIEWERS:
        grant(
            role,
            "disputes.review_dispute",
            "disputes.change_explanation",
            "disputes.see_figures",
            "disputes.add_dispute",
        )
        grant(role, "disputes.change_hearing", "disputes.add_pipelinefault", "disputes.add_rescore")
    for role in LEADS:
        grant(role, "disputes.decide_dispute", "disputes.lead_dispute")
        grant(role, "disputes.view+add+change_reportingline", "disputes.delete_reportingline")
        grant(role, "disputes.view+add+change_scoringservice", "disputes.view+add_timeoutswitch")
    grant(Role.REVIEWER, "disputes.view_circumstancereport", "disputes.view_codeanswer")
    grant(Role.AUDITOR, "disputes.see_figures", "disputes.view_reportingline", "disputes.view_timeoutswitch")
    grant(Role.AUDITOR, "disputes.view_disputeevent")
