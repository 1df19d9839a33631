"""The admin pages of the dispute desk's rooms, and their lines in the side bar."""

from django.utils.translation import gettext_lazy as _

from config.casework.desk.navigation import Line, register_group, register_line
from disputes.assessments import admin as assessments
from disputes.hiring import admin as hiring
from disputes.register import admin as register
from disputes.review import admin as review

__all__ = ["assessments", "hiring", "register", "review"]

MACHINE_JUDGEMENT = "assessments"
register_group(MACHINE_JUDGEMENT, _("Assessments"))
LINES = (
    (_("Assessments"), "assessment", "fact_check"),
    (_("Hiring decisions"), "hiringdecision", "how_to_reg"),
    (_("Refused rejections"), "refusedattempt", "block"),
    (_("Proxy watch"), "proxyfinding", "balance"),
    (_("Hidden labels"), "employerswitch", "visibility_off"),
    (_("Versions"), "scoringversion", "commit"),
    (_("AI systems"), "aisystem", "smart_toy"),
    (_("Reviewers’ authority"), "reviewerauthority", "badge"),
    (_("Serious incidents"), "seriousincident", "report"),
)
for place, (title, name, icon) in enumerate(LINES, start=1):
    line = Line(title, f"admin:disputes_{name}_changelist", f"disputes.view_{name}", icon, 10 * place)
    register_line(MACHINE_JUDGEMENT, line)
