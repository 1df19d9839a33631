from django.db import models
from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class OnCallPart(models.TextChoices):
    """The two parts of two people: one leads the technical work, the other speaks and decides priorities (INC-04)."""

    PRIMARY = "primary", _("primary")
    SECONDARY = "secondary", _("secondary")


class ShiftSource(models.TextChoices):
    """Why somebody is on call: the rotation says so, or somebody entered it by hand."""

    ROTATION = "rotation", _("rotation")
    OVERRIDE = "override", _("entered by hand")


class SwapState(TonedChoices):
    """How an offered shift stands; it changes nothing until it is taken."""

    OFFERED = "offered", Tone.INFO, _("offered")
    TAKEN = "taken", Tone.OK, _("taken")
    WITHDRAWN = "withdrawn", Tone.NEUTRAL, _("withdrawn")
