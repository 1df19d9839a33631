"""Who is on call for a system: rotations in versions, shifts by hand, absences, swaps, and what really was."""

from datetime import time
from functools import cached_property

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import append_only
from config.casework.catalogue.models import System
from config.casework.personal import FREE_TEXT, Erasure, Subject, holds, personal
from config.casework.versions import versioned
from incidents.oncall.choices import OnCallPart, ShiftSource, SwapState

PERIOD = Func(F("starts_at"), F("ends_at"), function="tstzrange")
ENDS_LATER = _("The end must be later than the start.")


def _period_check(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(ends_at__gt=F("starts_at")), name=name, violation_error_message=ENDS_LATER
    )


@personal(plain=("part", "held_by"))
@versioned()
class OnCallRole(models.Model):
    """One part of the on-call duty of a system; without a rotation or a named person it falls to whoever holds a desk role."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="oncall_roles")
    part = models.CharField(max_length=10, choices=OnCallPart)
    held_by = models.CharField(
        max_length=20, choices=Role, help_text=_("The desk role that holds it while no person is named.")
    )
    person = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="oncall_roles")

    class Meta:
        ordering = ("system__name", "part")
        verbose_name = _("on-call role")
        constraints = [models.UniqueConstraint(fields=["system", "part"], name="oncall_role_once")]

    def __str__(self) -> str:
        return f"on-call {self.part} {self.pk}"


@personal(plain=("key", "part"))
class Rotation(models.Model):
    """People who take turns (INC-30). Its rule lies in versions; this row is what shifts and feeds hang on.

    A rotation with `over` is a layer upon another: while its hours hold, it beats the one below.
    """

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="rotations")
    key = models.CharField(max_length=80)
    part = models.CharField(
        max_length=10, choices=OnCallPart, blank=True, help_text=_("The part of the duty it fills; empty for none.")
    )
    over = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="layers",
        help_text=_("The rotation it lies upon as a layer."),
    )
    layer = models.PositiveSmallIntegerField(default=0, help_text=_("Of several layers the highest number wins."))
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("system__name", "part", "key")
        constraints = [
            models.UniqueConstraint(fields=["system", "key"], name="rotation_key_once"),
            models.UniqueConstraint(
                fields=["system", "part"],
                condition=~Q(part="") & Q(retired_at=None),
                name="rotation_part_once",
                violation_error_message=_("This part of the duty has a rotation already."),
            ),
            models.CheckConstraint(condition=Q(part="") | Q(over=None), name="rotation_layer_has_no_part"),
        ]

    def __str__(self) -> str:
        return f"{self.system.key}.{self.key}"

    @cached_property
    def zone(self) -> str:
        """The zone of its newest version."""
        version = self.versions.order_by("-number").first()
        return version.zone if version is not None else self.system.zone


@personal(plain=("zone", "every", "hours"))
class RotationVersion(models.Model):
    """How a rotation hands over, and since when. An edit ends the version now and begins a new one (rules.md)."""

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(default=1)
    zone = models.CharField(max_length=60)
    handoff = models.TimeField(default=time(9))
    weekday = models.PositiveSmallIntegerField(null=True, blank=True)
    every = models.CharField(max_length=20)
    start = models.DateField()
    hours = models.JSONField(null=True, blank=True)
    begins_at = models.DateTimeField(null=True, blank=True, help_text=_("Empty: with its first hand-off."))
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("rotation", "number")
        constraints = [
            models.UniqueConstraint(fields=["rotation", "number"], name="rotation_version_once"),
            models.UniqueConstraint(fields=["rotation"], condition=Q(ends_at=None), name="rotation_one_open_version"),
        ]

    def __str__(self) -> str:
        return f"rotation version {self.pk}"


@personal(email=holds(Subject.STAFF, erase=Erasure.CLEAR))
class RotationMember(models.Model):
    """A place in the order of turns. An address without an account keeps its place and is reported."""

    version = models.ForeignKey(RotationVersion, on_delete=models.CASCADE, related_name="members")
    position = models.PositiveSmallIntegerField()
    email = models.EmailField(max_length=254)
    person = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="rotation_places")

    class Meta:
        ordering = ("position",)
        constraints = [models.UniqueConstraint(fields=["version", "position"], name="rotation_place_once")]

    def __str__(self) -> str:
        return f"rotation place {self.pk}"


@personal()
class OnCallShift(models.Model):
    """A shift entered by hand; it beats the rotation (INC-30)."""

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="shifts")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="oncall_shifts")
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    entered_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    entered_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-starts_at", "pk")
        verbose_name = _("shift entered by hand")
        verbose_name_plural = _("shifts entered by hand")
        constraints = [
            _period_check("oncall_shift_ends_after_start"),
            ExclusionConstraint(
                name="oncall_shift_no_overlap",
                expressions=[(F("rotation"), RangeOperators.EQUAL), (PERIOD, RangeOperators.OVERLAPS)],
                condition=Q(cancelled_at=None),
                violation_error_message=_("Somebody has a shift entered by hand in this time already."),
            ),
        ]

    def __str__(self) -> str:
        return f"shift {self.pk}"


@personal()
class Leave(models.Model):
    """A person is away; their turns fall to the next in order."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="leaves")
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    entered_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    entered_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-starts_at", "pk")
        verbose_name_plural = _("leave")
        constraints = [
            _period_check("leave_ends_after_start"),
            ExclusionConstraint(
                name="leave_no_overlap",
                expressions=[(F("person"), RangeOperators.EQUAL), (PERIOD, RangeOperators.OVERLAPS)],
                condition=Q(cancelled_at=None),
                violation_error_message=_("There is leave in this time already."),
            ),
        ]

    def __str__(self) -> str:
        return f"leave {self.pk}"


@personal()
class ShiftSwap(models.Model):
    """Somebody offers a time of duty; until it is taken nothing changes (rules.md)."""

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="swaps")
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    offered_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="swaps_offered")
    offered_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=SwapState, default=SwapState.OFFERED, editable=False)
    taken_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="swaps_taken")
    settled_at = models.DateTimeField(null=True, blank=True)
    shift = models.OneToOneField(OnCallShift, on_delete=models.SET_NULL, null=True, blank=True, related_name="swap")

    class Meta:
        ordering = ("-offered_at", "pk")
        verbose_name = _("offered shift")
        constraints = [
            _period_check("shift_swap_ends_after_start"),
            models.CheckConstraint(
                condition=Q(state=SwapState.OFFERED, settled_at=None)
                | (~Q(state=SwapState.OFFERED) & Q(settled_at__isnull=False)),
                name="shift_swap_settled_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"offered shift {self.pk}"


@personal(plain=("source",))
class ShiftRecord(models.Model):
    """Who really was on call from a moment on, until the next record. The past is recorded, never recomputed."""

    append_only = True

    rotation = models.ForeignKey(Rotation, on_delete=models.DO_NOTHING, db_constraint=False, related_name="records")
    person = models.ForeignKey(User, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+")
    starts_at = models.DateTimeField()
    source = models.CharField(max_length=10, choices=ShiftSource, default=ShiftSource.ROTATION)
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ("-starts_at", "pk")
        verbose_name = _("recorded shift")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["rotation", "starts_at"], name="shift_record_once")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"recorded shift {self.pk}"


@personal(text=FREE_TEXT)
class HandOverNote(models.Model):
    """What the next person on call must know (INC-94)."""

    rotation = models.ForeignKey(Rotation, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField(_("what the next one must know"), max_length=5_000)
    author = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    written_at = models.DateTimeField()
    read_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-written_at", "-pk")
        verbose_name = _("hand-over note")

    def __str__(self) -> str:
        return f"hand-over note {self.pk}"


@personal(plain=("prefix", "digest"))
class CalendarFeed(models.Model):
    """A secret address under which a calendar reads the shifts of a person or of a rotation; only its digest is kept."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calendar_feeds")
    rotation = models.ForeignKey(
        Rotation,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="feeds",
        help_text=_("Empty: the owner's own shifts, of all rotations."),
    )
    prefix = models.CharField(max_length=8, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()
    last_read_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "pk")

    def __str__(self) -> str:
        return f"calendar feed {self.prefix}…"


__all__ = [
    "CalendarFeed", "HandOverNote", "Leave", "OnCallRole", "OnCallShift", "Rotation", "RotationMember",
    "RotationVersion", "ShiftRecord", "ShiftSwap",
]  # fmt: skip
