from django.core.exceptions import ObjectDoesNotExist
from django.utils.translation import gettext as _

from config.casework.transitions import Step
from incidents.models import Incident
from incidents.reviews.choices import PostmortemState
from incidents.severity.choices import Duty


def postmortem_is_published(step: Step[Incident]) -> str | None:
    """A level that demands a postmortem is closed with a published one only (INC-24)."""
    severity = step.obj.severity
    if severity is None or severity.postmortem != Duty.REQUIRED or step.obj.duplicate_of_id is not None:
        return None  # a duplicate is reviewed where it was merged into
    try:
        postmortem = step.obj.postmortem
    except ObjectDoesNotExist:
        return _("Closing needs a postmortem. Start it under Review; it is filled in from the timeline.")
    if postmortem.state == PostmortemState.PUBLISHED:
        return None
    missing = ", ".join(postmortem.missing())
    return (
        _("Closing needs the postmortem published. Still empty: %(fields)s.") % {"fields": missing}
        if missing
        else _("Closing needs the postmortem published.")
    )


def every_field_is_filled(step: Step) -> str | None:  # type: ignore[type-arg]
    missing = step.obj.missing()
    return _("Still empty: %(fields)s.") % {"fields": ", ".join(missing)} if missing else None
