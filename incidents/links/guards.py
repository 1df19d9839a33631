from django.utils.translation import gettext as _

from config.casework.transitions import Step
from incidents.models import Incident


def no_duplicate(step: Step[Incident]) -> str | None:
    """A duplicate is worked where it was merged into; facts about it are recorded all the same."""
    survivor = step.obj.duplicate_of
    if survivor is None:
        return None
    return _("It is a duplicate of %(reference)s. Go on there, or split it off.") % {"reference": survivor.reference}
