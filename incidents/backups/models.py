"""Which backups were made, of the desk and of the systems it looks after, and which of them are proven (INC-88, 91)."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.personal import FREE_TEXT, personal
from incidents.backups.choices import BackupResult, VerificationState


@personal(plain=("place", "sha256", "result", "error", "head"))
class BackupRun(models.Model):
    """One backup that was tried: when, how large, where it lies, and whether it succeeded."""

    system = models.ForeignKey(
        System,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="backup_runs",
        help_text=_("Empty: this desk itself."),
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    size = models.PositiveBigIntegerField(default=0, help_text=_("Bytes."))
    sha256 = models.CharField(_("checksum"), max_length=64, blank=True, help_text=_("SHA-256 of the manifest."))
    place = models.CharField(max_length=300)
    result = models.CharField(max_length=10, choices=BackupResult)
    error = models.CharField(max_length=300, blank=True)
    rows = models.PositiveBigIntegerField(default=0)
    files = models.PositiveIntegerField(default=0)
    head = models.CharField(
        max_length=90, blank=True, help_text=_("Number and code of the last seal of the trail that it holds.")
    )
    recorded_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", editable=False)
    purged_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-started_at", "-pk")
        verbose_name = _("backup")
        default_permissions = ("add", "view")
        indexes = [models.Index(fields=["system", "-started_at"], name="backup_run_system")]
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at__gte=F("started_at")),
                name="backup_run_ends_after_start",
                violation_error_message=_("The end must not lie before the start."),
            ),
            models.CheckConstraint(
                condition=~Q(result=BackupResult.FAILED) | ~Q(error=""),
                name="backup_run_failed_says_why",
                violation_error_message=_("Say why it failed."),
            ),
        ]

    def __str__(self) -> str:
        return f"backup {self.pk}"


@personal(plain=("place", "state", "head"), finding=FREE_TEXT)
class BackupVerification(models.Model):
    """One restoring of a backup into a scratch database, and what was found (INC-91)."""

    run = models.ForeignKey(BackupRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="verifications")
    place = models.CharField(max_length=300)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=VerificationState)
    finding = models.TextField(blank=True, max_length=5_000)
    tables = models.PositiveIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    files = models.PositiveIntegerField(default=0)
    audit_entries = models.PositiveBigIntegerField(default=0)
    head = models.CharField(max_length=90, blank=True)

    class Meta:
        ordering = ("-started_at", "-pk")
        verbose_name = _("backup verification")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(state=VerificationState.VERIFIED) | ~Q(finding=""),
                name="backup_verification_says_what_is_wrong",
            ),
        ]

    def __str__(self) -> str:
        return f"backup verification {self.pk}"
