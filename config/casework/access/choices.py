from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """The roles of the desk; each is a group whose permissions the apps declare in code."""

    CEO = "ceo", _("CEO")
    CTO = "cto", _("CTO")
    SUPPORT = "support", _("Support")
    PRIVACY = "privacy", _("Privacy officer")
    REVIEWER = "reviewer", _("Reviewer")
    AUDITOR = "auditor", _("Auditor")
    ORG_ADMIN = "org_admin", _("Organisation administrator")
    MEMBER = "member", _("Member")


STAFF_ROLES = frozenset({Role.CEO, Role.CTO, Role.SUPPORT, Role.PRIVACY, Role.REVIEWER, Role.AUDITOR})


class Scope(models.TextChoices):
    """What an API token may do."""

    ALERTS = "alerts", _("send alerts")
    METRICS = "metrics", _("send metrics and outcomes")
    DEADLETTERS = "deadletters", _("send dead letters")
    MESSAGES = "messages", _("send messages")
    MODES = "modes", _("read modes")
    DISPUTES = "disputes", _("assessments and hiring checks")
    CASES = "cases", _("read and open cases")
    SCHEDULING = "scheduling", _("scheduling records")
    PRIVACY = "privacy", _("privacy requests and restrictions")
    OPS = "ops", _("operator health")
