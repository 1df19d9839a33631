"""The trail: who did what, when, to which row and which fields; never a personal value.

Rows are appended and never changed: triggers refuse it, and web and workers connect as a role without the right.
"""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import Organization
from config.casework.personal import Erasure, Subject, holds, personal


class Xid8Field(models.PositiveBigIntegerField[int, int]):
    """PostgreSQL's full transaction id (64 bit, never wraps)."""

    def db_type(self, connection: object) -> str:
        return "bigint"


class CurrentTransaction(Func):
    """The id of the running transaction as a number; orders entries by the transaction that wrote them."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()


def append_only() -> list[pgtrigger.Trigger]:
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name="no_truncate",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;",
        ),
    ]


@personal(plain=("actor_label", "action", "object_type", "case_reference", "fields", "detail", "trace_id"))
class AuditEntry(models.Model):
    """One thing that was done. `detail` holds coded values (states, keys, counts), never what people wrote or are."""

    append_only = True

    at = models.DateTimeField(help_text=_("When it was recorded."))
    happened_at = models.DateTimeField(
        help_text=_("When it happened; earlier than recorded for facts entered afterwards.")
    )
    actor = models.ForeignKey(User, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+")
    actor_label = models.CharField(
        max_length=40, help_text=_("P-0001 for a person, desk for the machine, token name for the API.")
    )
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=80)
    object_id = models.BigIntegerField(null=True)
    case_reference = models.CharField(max_length=20, blank=True)
    organization = models.ForeignKey(
        Organization, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    subject = models.UUIDField(null=True, help_text=_("Pseudonym of the person it is about."))
    fields = ArrayField(models.CharField(max_length=60), default=list)
    detail = models.JSONField(default=dict)
    trace_id = models.CharField(max_length=32, blank=True)
    xid = Xid8Field(db_default=CurrentTransaction(), editable=False)

    class Meta:
        ordering = ("pk",)
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        default_permissions = ("view",)
        triggers = append_only()
        indexes = [
            models.Index(fields=["case_reference", "id"], name="audit_case"),
            models.Index(fields=["xid", "id"], name="audit_seal_order"),
            models.Index(fields=["object_type", "object_id"], name="audit_object"),
            models.Index(fields=["at"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"audit entry {self.pk}"


@personal(plain=("digests", "previous", "mac"))
class AuditSeal(models.Model):
    """A seal over all entries whose transaction id lies in [from_xid, to_xid), chained to the seal before."""

    append_only = True

    number = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    from_xid = models.BigIntegerField()
    to_xid = models.BigIntegerField()
    entry_ids = ArrayField(models.BigIntegerField())
    digests = models.BinaryField()
    previous = models.CharField(max_length=64)
    mac = models.CharField(max_length=64)

    class Meta:
        ordering = ("number",)
        verbose_name = _("audit seal")
        default_permissions = ("view",)
        triggers = append_only()

    def __str__(self) -> str:
        return f"seal {self.number}"


@personal(subject=holds(Subject.ANYONE, erase=Erasure.CLEAR))
class SubjectPseudonym(models.Model):
    """Which random id stands for a person in the trail; erasing the person empties the row, and the trail stops joining up."""

    pseudonym = models.UUIDField(unique=True)
    subject = models.CharField(max_length=254, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject"], condition=~models.Q(subject=""), name="pseudonym_subject_once")
        ]

    def __str__(self) -> str:
        return str(self.pseudonym)
