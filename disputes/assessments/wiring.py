"""What the rooms about assessments bring into the house; `AppConfig.ready` calls it."""

from django.utils.translation import gettext_lazy as _

from config.casework.catalogue import sections
from config.casework.desk.clocks import name_clock
from config.casework.desk.dashboard import register_card
from config.casework.work import sweeps
from disputes.assessments import dashboard, permissions
from disputes.register.services import CLOCK


def connect() -> None:
    """Announce sections, sweeps, clocks and permissions of assessments, hiring and the register."""
    sections.announce("disputes.assessments.runbook", "disputes.register.runbook")
    sweeps.register("notices of labels", "disputes.assessments.notices.sweep", order=120)
    sweeps.register("weekly hiring figure", "disputes.hiring.figures.ask", order=130)
    sweeps.register("assessments kept long enough", "disputes.assessments.retention.sweep", order=850)
    permissions.declare()
    register_card(dashboard.card)
    name_clock(CLOCK, _("report to the authority"))
