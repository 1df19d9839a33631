"""Who may open what: one row for each address, the roles that may see it, and those that may change it.

An address without a row fails tests/casework/test_access_table.py. Roles to come have rows already; empty tuples say that
nobody may.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

CEO, CTO, SUPPORT, PRIVACY, REVIEWER, AUDITOR = "ceo", "cto", "support", "privacy", "reviewer", "auditor"
ORG_ADMIN, MEMBER, ANONYMOUS = "org_admin", "member", "anonymous"
ROLES = (CEO, CTO, SUPPORT, PRIVACY, REVIEWER, AUDITOR, ORG_ADMIN, MEMBER, ANONYMOUS)
"""Every role of the table; `superadmin` is no role and is tried where it matters."""

LEADS = (CEO, CTO)
WORKERS = (CEO, CTO, SUPPORT)
DESK = (CEO, CTO, SUPPORT, PRIVACY, REVIEWER)
STAFF = (*DESK, AUDITOR)
JUDGES = (*LEADS, REVIEWER, AUDITOR)
ASSESSMENTS = (*JUDGES, SUPPORT)
REVIEWERS = (CEO, CTO, REVIEWER)
JUDGING = (CEO, CTO, AUDITOR)
SIGNED_IN = (*STAFF, ORG_ADMIN, MEMBER)
ALL = ROLES
NOBODY: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One address.

    Attributes:
        get: roles that may open it.
        post: roles whose POST is heard; None: it takes none, or its POST is tried elsewhere.
        objects: names of the rows (tests.casework.test_access_table.World) its arguments are the keys of, or literals
            written with a leading colon.
        status: what it answers to those who may, when that is no page (an API without a token answers 401).
    """

    get: tuple[str, ...]
    post: tuple[str, ...] | None = None
    objects: tuple[str, ...] = ()
    status: int | None = None


@dataclass(frozen=True)
class Table:
    """One table of the admin: its five pages, and the acts on its rows.

    Attributes:
        row: name of the row that stands for all.
        view: roles that may read it.
        lists: roles that may open the list, when more than those who may read this row.
        acts: further pages of a row by the end of their name, with the roles that may open them.
    """

    row: str
    view: tuple[str, ...]
    add: tuple[str, ...] = NOBODY
    change: tuple[str, ...] = NOBODY
    delete: tuple[str, ...] = NOBODY
    acts: Mapping[str, Row] = field(default_factory=dict)
    lists: tuple[str, ...] = NOBODY


ADMIN: dict[str, Table] = {
    # --- the shared base ---------------------------------------------------------------------------------------------
    "casework_user": Table(
        "person", (*LEADS, AUDITOR), add=LEADS, change=LEADS, acts={"act": Row(LEADS, objects=("person", ":password"))}
    ),
    "casework_organization": Table("organization", STAFF, add=LEADS, change=LEADS),
    "casework_system": Table("system", STAFF, change=LEADS, acts={"versions": Row(STAFF, objects=("system",))}),
    "casework_calendar": Table(
        "calendar", STAFF, add=LEADS, change=LEADS, acts={"versions": Row(STAFF, objects=("calendar",))}
    ),
    "casework_apitoken": Table("token", LEADS, add=LEADS, acts={"act": Row(LEADS, objects=("token", ":revoke"))}),
    "casework_auditentry": Table("entry", STAFF),
    "casework_auditseal": Table("seal", (CTO, AUDITOR)),
    "casework_job": Table("job", (*LEADS, AUDITOR), acts={"act": Row((CTO,), objects=("job", ":retry"))}),
    "casework_deputy": Table("deputy", LEADS, add=LEADS, change=LEADS, delete=LEADS),
    "casework_approval": Table("approval", (*LEADS, AUDITOR)),
    "axes_accessattempt": Table("attempt", LEADS, delete=LEADS),
    "pghistory_events": Table("", (CTO, AUDITOR)),
    # --- incidents ---------------------------------------------------------------------------------------------------
    "incidents_incident": Table(
        "incident",
        STAFF,
        add=WORKERS,
        change=WORKERS,
        acts={
            "step": Row(WORKERS, objects=("incident", ":triage")),
            "child_add": Row(WORKERS, objects=("incident", ":mitigation")),
            "child_step": Row(WORKERS, objects=("incident", ":mitigation", "mitigation", ":revert")),
            "note": Row(DESK, objects=("incident",)),
            "share": Row(NOBODY, objects=("incident",)),  # only restricted cases are shared
            "redact": Row((*LEADS, PRIVACY), objects=("incident",)),
            "files": Row(DESK, objects=("incident",)),
            "redact_file": Row((*LEADS, PRIVACY), objects=("incident", "file")),
            "about": Row(WORKERS, objects=("incident",)),
            "escalate": Row(WORKERS, objects=("incident",)),
            "route": Row(WORKERS, objects=("incident",)),
            "run_start": Row(NOBODY, objects=("incident",)),  # by POST alone: tests/incidents
            "compose": Row(WORKERS, objects=("incident",)),
            "channel": Row(WORKERS, objects=("incident",)),
            "affected": Row(WORKERS, objects=("incident",)),
            "not_affected": Row(WORKERS, objects=("incident", "affected")),
            "postmortem": Row(STAFF, objects=("incident",)),  # while there is none it leads back
            "postmortem_step": Row(NOBODY, objects=("incident", ":publish")),  # there is none yet
            "decide": Row(NOBODY, objects=("incident",)),  # nothing waits for a decision
            "document": Row(NOBODY, objects=("incident",)),  # there is no postmortem yet
            "summary": Row(WORKERS, objects=("incident",)),
            "summary_step": Row(NOBODY, objects=("incident", ":approve")),  # there is none yet
            "link": Row(WORKERS, objects=("incident",)),
            "unlink": Row(NOBODY, objects=("incident", ":0")),  # by POST alone: tests/incidents
            "merge": Row(WORKERS, objects=("incident",)),
            "split": Row(NOBODY, objects=("incident",)),  # it is no duplicate
            "figures": Row(STAFF),
            "figures_csv": Row(STAFF, objects=(":response",)),
            "import": Row(WORKERS),
            "process_import": Row(NOBODY),  # by POST alone: tests/casework/desk
            "export": Row(STAFF),
        },
    ),
    "incidents_deployment": Table(
        "deployment",
        STAFF,
        add=WORKERS,
        change=WORKERS,
        acts={
            "step": Row(WORKERS, objects=("deployment", ":call_off")),
            "child_add": Row(NOBODY, objects=("deployment", ":none")),
            "child_step": Row(NOBODY, objects=("deployment", ":none", ":1", ":none")),
            "note": Row(DESK, objects=("deployment",)),
            "share": Row(NOBODY, objects=("deployment",)),  # only restricted cases are shared
            "redact": Row((*LEADS, PRIVACY), objects=("deployment",)),
            "files": Row(DESK, objects=("deployment",)),
            "redact_file": Row(NOBODY, objects=("deployment", ":0")),
        },
    ),
    "incidents_run": Table(
        "run",
        STAFF,
        acts={
            "today": Row(STAFF),
            "readiness": Row(STAFF),
            "report": Row(STAFF),
            "start": Row(WORKERS, post=WORKERS),
            "breach": Row(WORKERS, post=WORKERS),
            "let_go": Row(WORKERS, post=WORKERS, objects=("run",)),
            "gate": Row(NOBODY, objects=("run",)),  # by POST alone: tests/incidents
            "step": Row(NOBODY, objects=("run", ":0")),
        },
    ),
    "incidents_backuppolicy": Table(
        "backup_policy", STAFF, acts={"act": Row(WORKERS, objects=("backup_policy", ":succeeded"))}
    ),
    "incidents_fallback": Table("fallback", STAFF, acts={"act": Row(WORKERS, objects=("fallback", ":switch_on"))}),
    "incidents_actionitem": Table(
        "action_item",
        STAFF,
        add=WORKERS,
        change=WORKERS,
        acts={
            "act": Row(WORKERS, objects=("action_item", ":finish")),
            "import": Row(WORKERS),
            "process_import": Row(NOBODY),
            "export": Row(STAFF),
        },
    ),
    "incidents_severity": Table(
        "severity",
        STAFF,
        add=LEADS,
        change=LEADS,
        acts={"versions": Row(STAFF, objects=("severity",)), "act": Row(LEADS, objects=("severity", ":policy"))},
    ),
    "incidents_releasewindow": Table(
        "release_window", STAFF, add=LEADS, change=LEADS, acts={"versions": Row(STAFF, objects=("release_window",))}
    ),
    "incidents_oncallrole": Table(
        "on_call_role", STAFF, change=LEADS, acts={"versions": Row(STAFF, objects=("on_call_role",))}
    ),
    "incidents_procedure": Table(
        "procedure", STAFF, add=LEADS, change=LEADS, acts={"versions": Row(STAFF, objects=("procedure",))}
    ),
    "incidents_messagetemplate": Table(
        "template", STAFF, add=LEADS, change=LEADS, acts={"act": Row(LEADS, objects=("template", ":approve"))}
    ),
    "incidents_rotation": Table(
        "rotation",
        STAFF,
        add=LEADS,
        acts={"act": Row(LEADS, objects=("rotation", ":edit")), "schedule": Row(STAFF)},
    ),
    "incidents_oncallshift": Table(
        "shift",
        STAFF,
        add=WORKERS,
        acts={
            "act": Row(WORKERS, objects=("shift", ":end")),
            "import": Row(WORKERS),
            "process_import": Row(NOBODY),  # by POST alone
            "export": Row(STAFF),
        },
    ),
    "incidents_leave": Table(
        "leave",
        STAFF,
        add=WORKERS,
        acts={
            "act": Row(WORKERS, objects=("leave", ":end")),
            "import": Row(WORKERS),
            "process_import": Row(NOBODY),  # by POST alone
            "export": Row(STAFF),
        },
    ),
    "incidents_shiftswap": Table("swap", STAFF, add=WORKERS, acts={"act": Row(WORKERS, objects=("swap", ":take"))}),
    "incidents_handovernote": Table("note", STAFF, add=WORKERS, acts={"act": Row(WORKERS, objects=("note", ":read"))}),
    "incidents_calendarfeed": Table("feed", STAFF, add=STAFF, acts={"act": Row(STAFF, objects=("feed", ":revoke"))}),
    "incidents_shiftrecord": Table("shift_record", STAFF),
    "incidents_customer": Table(
        "customer",
        STAFF,
        change=LEADS,
        acts={
            "sheet": Row(STAFF, objects=("customer",)),
            "call": Row(NOBODY, objects=("customer",)),  # by POST alone: tests/incidents/test_customers.py
            "came_back": Row(NOBODY, objects=("customer", ":0")),
        },
    ),
    "incidents_customercontact": Table(
        "contact",
        STAFF,
        add=WORKERS,
        change=WORKERS,
        acts={"import": Row(WORKERS), "process_import": Row(NOBODY), "export": Row(STAFF)},
    ),
    "incidents_maintenancewindow": Table(
        "window",
        STAFF,
        add=LEADS,
        acts={"mode": Row(LEADS), "act": Row(LEADS, objects=("window", ":cancel"))},
    ),
    "incidents_maintenancerule": Table("maintenance_rule", STAFF),
    "incidents_page": Table("page", STAFF, acts={"act": Row(WORKERS, objects=("page", ":not_worth"))}),
    "incidents_runbook": Table(
        "system",
        STAFF,
        acts={
            "versions": Row(STAFF, objects=("system",)),
            "drift": Row(STAFF, objects=("system",)),
            "export": Row(STAFF, objects=("system",)),
            "contact": Row(LEADS, objects=("system", ":technical-lead")),
        },
    ),
    "incidents_roleholder": Table(
        "role_holder",
        STAFF,
        add=LEADS,
        change=LEADS,
        delete=LEADS,
        acts={"versions": Row(STAFF, objects=("role_holder",))},
    ),
    "incidents_commandreference": Table(
        "command",
        STAFF,
        add=LEADS,
        change=LEADS,
        acts={
            "versions": Row(STAFF, objects=("command",)),
            "act": Row(LEADS, objects=("command", ":review")),
        },
    ),
    "incidents_featureswitch": Table(
        "feature",
        STAFF,
        acts={"versions": Row(STAFF, objects=("feature",)), "act": Row(LEADS, objects=("feature", ":on"))},
    ),
    "incidents_capacitylimit": Table(
        "limit",
        STAFF,
        add=LEADS,
        change=LEADS,
        acts={"versions": Row(STAFF, objects=("limit",)), "act": Row(WORKERS, objects=("limit", ":reading"))},
    ),
    "incidents_backuprun": Table("backup_run", (*LEADS, AUDITOR), add=LEADS),
    "incidents_backupverification": Table("backup_verification", (*LEADS, AUDITOR)),
    "incidents_contactmethod": Table(
        "contact_method",
        LEADS,
        add=DESK,
        acts={"act": Row(LEADS, objects=("contact_method", ":test"))},
        lists=DESK,  # everybody sees their own
    ),
    "incidents_mute": Table("mute", STAFF, add=WORKERS, acts={"act": Row(WORKERS, objects=("mute", ":end"))}),
    # --- assessments, hiring, the register of assessing systems ---------------------------------------------------------
    "disputes_assessment": Table(
        "assessment",
        ASSESSMENTS,
        acts={"import": Row(LEADS), "process_import": Row(NOBODY), "export": Row(ASSESSMENTS)},
    ),
    "disputes_scoringversion": Table("scoring_version", JUDGES, add=LEADS, change=LEADS),
    "disputes_employerswitch": Table(
        "employer_switch", JUDGES, add=LEADS, acts={"act": Row(LEADS, objects=("employer_switch", ":show"))}
    ),
    "disputes_hiringdecision": Table(
        "hiring_decision",
        JUDGES,
        acts={"import": Row(LEADS), "process_import": Row(NOBODY), "export": Row(JUDGES)},
    ),
    "disputes_refusedattempt": Table("refused_attempt", JUDGES),
    "disputes_proxyfinding": Table(
        "proxy_finding", JUDGES, acts={"act": Row(LEADS, objects=("proxy_finding", ":letter"))}
    ),
    "disputes_aisystem": Table("ai_system", (*JUDGES, SUPPORT)),
    "disputes_reviewerauthority": Table(
        "authority", JUDGES, add=LEADS, acts={"act": Row(LEADS, objects=("authority", ":revoke"))}
    ),
    "disputes_seriousincident": Table(
        "serious_incident", JUDGES, add=LEADS, acts={"act": Row(LEADS, objects=("serious_incident", ":report"))}
    ),
    "disputes_dispute": Table(
        "dispute",
        STAFF,
        add=LEADS,  # a rehearsal
        change=(*REVIEWERS, SUPPORT),
        acts={
            "step": Row(REVIEWERS, objects=("dispute", ":acknowledge")),
            "child_add": Row((*REVIEWERS, SUPPORT), objects=("dispute", ":reversal")),
            "child_step": Row((*REVIEWERS, SUPPORT), objects=("dispute", ":reversal", "reversal", ":finish")),
            "note": Row(DESK, objects=("dispute",)),
            "share": Row(NOBODY, objects=("dispute",)),  # only restricted cases are shared
            "redact": Row((*LEADS, PRIVACY), objects=("dispute",)),
            "files": Row(DESK, objects=("dispute",)),
            "redact_file": Row(NOBODY, objects=("dispute", ":0")),
            "do": Row(REVIEWERS, objects=("dispute", ":impression")),
            "do_row": Row(REVIEWERS, objects=("dispute", ":check", ":0")),
            "figures": Row((*REVIEWERS, AUDITOR)),
            "figures_csv": Row((*REVIEWERS, AUDITOR)),
            "import": Row(REVIEWERS),
            "process_import": Row(NOBODY),
            "export": Row(STAFF),
        },
    ),
    "disputes_explanation": Table(
        "explanation",
        STAFF,
        change=REVIEWERS,
        acts={
            "step": Row(REVIEWERS, objects=("explanation", ":send")),
            "child_add": Row(NOBODY, objects=("explanation", ":0")),
            "child_step": Row(NOBODY, objects=("explanation", ":0", ":0", ":0")),
            "note": Row(DESK, objects=("explanation",)),
            "share": Row(NOBODY, objects=("explanation",)),
            "redact": Row((*LEADS, PRIVACY), objects=("explanation",)),
            "files": Row(DESK, objects=("explanation",)),
            "redact_file": Row(NOBODY, objects=("explanation", ":0")),
        },
    ),
    "disputes_reportingline": Table("reporting_line", JUDGING, add=LEADS, change=LEADS, delete=LEADS),
    "disputes_scoringservice": Table(
        "scoring_service",
        LEADS,
        add=LEADS,
        change=LEADS,
        acts={"act": Row(LEADS, objects=("scoring_service", ":secret"))},
    ),
    "disputes_timeoutswitch": Table("timeout_switch", JUDGING, add=LEADS),
}

ADDRESSES: dict[str, Row] = {
    "start": Row(ALL),
    "healthz": Row(ALL),
    "readyz": Row(ALL),
    "api-health": Row(ALL),
    "api-v1-health": Row(ALL),
    "dispute-new": Row(ALL),
    "dispute-new-link": Row(ALL, objects=(":no-such-token",), status=404),
    "dispute-confirm": Row(ALL, objects=(":no-such-token",), status=404),
    "dispute-explain": Row(ALL, objects=(":no-such-token",), status=404),
    "dispute-status": Row(ALL, objects=(":no-such-token",), status=404),
    "unsubscribe": Row(ALL, objects=(":no-such-token",), status=404),
    "oncall-feed": Row(ALL, objects=(":no-such-token",), status=404),
    "page-acknowledge": Row(ALL, objects=(":no-such-token",), status=404),
    "file-download": Row((*DESK, AUDITOR), objects=("file",)),
    "admin:index": Row(STAFF),
    "admin:app_list": Row(STAFF, objects=(":casework",)),
    "admin:jsi18n": Row(STAFF),
    "admin:search": Row(STAFF),
    "admin:autocomplete": Row(NOBODY),  # it needs to know what is picked: tests/casework/desk
    "admin:view_on_site": Row(NOBODY, objects=(":1", ":1")),
    "admin:login": Row(STAFF),  # it leads everybody else to the sign-in
    "admin:logout": Row((ORG_ADMIN, MEMBER, ANONYMOUS)),  # by POST alone; it leads others to the start
    "admin:password_change": Row(STAFF),
    "admin:password_change_done": Row(STAFF),
    # --- the API knows tokens, not people ----------------------------------------------------------------------------
    "api:openapi-json": Row(ALL),
    "api:openapi-view": Row(ALL),
    "api:api-root": Row(NOBODY),
    "api:alertmanager": Row(ALL, status=405),
    "api:list_cases": Row(ALL, status=401),
    "api:read_case": Row(ALL, objects=(":INC-2026-000001",), status=401),
    "api:take_step": Row(ALL, objects=(":INC-2026-000001", ":acknowledge"), status=405),
    "api:report": Row(ALL, status=405),
    "test-page-acknowledge": Row(ALL, objects=(":no-such-token",), status=404),
    "api:put": Row(ALL, objects=(":jobarium", ":a-1"), status=405),
    "api:read_standing": Row(ALL, objects=(":jobarium", ":a-1"), status=401),
    "api:check": Row(ALL, status=405),
}

LIBRARIES = ("account_", "mfa_", "socialaccount_", "google_", "usersessions_")
"""Addresses of the sign-in library: it asks for sign-in itself; they are only tried not to break."""

UNNAMED = (
    "favicon.ico",
    "admin/(?P<url>.*)$",  # the admin's own "not found"
    "<path:object_id>/",  # old addresses of admin pages lead to the new ones
    "accounts/social/",
    "accounts/2fa/",
)
"""Endings or beginnings of addresses that bear no name."""
