import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import config.casework.audit.models
import config.casework.tables


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("axes", "0010_accessattemptexpiration"),
        ("axes", "0010_accessattemptexpiration"),
        ("casework", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
        ("guardian", "0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more"),
        ("guardian", "0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("pghistory", "0007_auto_20250421_0444"),
        ("pghistory", "0007_auto_20250421_0444"),
        ("sessions", "0001_initial"),
        ("sessions", "0001_initial"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]

    operations = [
        config.casework.tables.Tables(
            operations=[
                migrations.CreateModel(
                    name="ApiToken",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("name", models.CharField(max_length=80)),
                        (
                            "prefix",
                            models.CharField(
                                editable=False, help_text="The first letters, to tell tokens apart.", max_length=12
                            ),
                        ),
                        ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                        (
                            "scopes",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("alerts", "send alerts"),
                                        ("metrics", "send metrics and outcomes"),
                                        ("deadletters", "send dead letters"),
                                        ("messages", "send messages"),
                                        ("modes", "read modes"),
                                        ("disputes", "assessments and hiring checks"),
                                        ("cases", "read and open cases"),
                                        ("scheduling", "scheduling records"),
                                        ("privacy", "privacy requests and restrictions"),
                                        ("ops", "operator health"),
                                    ],
                                    max_length=20,
                                )
                            ),
                        ),
                        ("created_at", models.DateTimeField()),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        ("expires_at", models.DateTimeField(blank=True, null=True)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "created_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "API token",
                        "ordering": ("name",),
                    },
                ),
                migrations.CreateModel(
                    name="Approval",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("object_id", models.PositiveBigIntegerField()),
                        ("purpose", models.CharField(max_length=40)),
                        (
                            "roles",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(
                                    choices=[
                                        ("ceo", "CEO"),
                                        ("cto", "CTO"),
                                        ("support", "Support"),
                                        ("privacy", "Privacy officer"),
                                        ("reviewer", "Reviewer"),
                                        ("auditor", "Auditor"),
                                        ("org_admin", "Organisation administrator"),
                                        ("member", "Member"),
                                    ],
                                    max_length=20,
                                )
                            ),
                        ),
                        ("binding", models.CharField(blank=True, max_length=64)),
                        ("requested_at", models.DateTimeField()),
                        ("granted_at", models.DateTimeField(blank=True, null=True)),
                        ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "content_type",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="contenttypes.contenttype",
                            ),
                        ),
                        ("excluded", models.ManyToManyField(blank=True, related_name="+", to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("withdrawn_at", None)),
                                fields=("content_type", "object_id", "purpose"),
                                name="approval_one_at_a_time",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AuditSeal",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveBigIntegerField(unique=True)),
                        ("at", models.DateTimeField()),
                        ("from_xid", models.BigIntegerField()),
                        ("to_xid", models.BigIntegerField()),
                        ("entry_ids", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField())),
                        ("digests", models.BinaryField()),
                        ("previous", models.CharField(max_length=64)),
                        ("mac", models.CharField(max_length=64)),
                    ],
                    options={
                        "verbose_name": "audit seal",
                        "ordering": ("number",),
                        "default_permissions": ("view",),
                    },
                ),
                migrations.CreateModel(
                    name="Calendar",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.SlugField(max_length=60, unique=True)),
                        ("name", models.CharField(max_length=120)),
                        ("zone", models.CharField(default="UTC", max_length=60)),
                        (
                            "hours",
                            models.JSONField(
                                default=dict,
                                help_text='For example {"mon": [["09:00", "17:00"]]}; a day not named is closed.',
                            ),
                        ),
                        (
                            "holidays",
                            models.CharField(
                                blank=True,
                                help_text="Country, or country and region, such as DE or DE-BE.",
                                max_length=12,
                            ),
                        ),
                        (
                            "closed_days",
                            models.JSONField(
                                blank=True, default=list, help_text='Further closed days, such as ["2026-12-24"].'
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "business calendar",
                        "ordering": ("key",),
                    },
                ),
                migrations.CreateModel(
                    name="CalendarEvent",
                    fields=[
                        ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                        ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                        ("pgh_label", models.TextField(help_text="The event label.")),
                        ("id", models.BigIntegerField()),
                        ("key", models.SlugField(db_index=False, max_length=60)),
                        ("name", models.CharField(max_length=120)),
                        ("zone", models.CharField(default="UTC", max_length=60)),
                        (
                            "hours",
                            models.JSONField(
                                default=dict,
                                help_text='For example {"mon": [["09:00", "17:00"]]}; a day not named is closed.',
                            ),
                        ),
                        (
                            "holidays",
                            models.CharField(
                                blank=True,
                                help_text="Country, or country and region, such as DE or DE-BE.",
                                max_length=12,
                            ),
                        ),
                        (
                            "closed_days",
                            models.JSONField(
                                blank=True, default=list, help_text='Further closed days, such as ["2026-12-24"].'
                            ),
                        ),
                        (
                            "pgh_context",
                            models.ForeignKey(
                                db_constraint=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="pghistory.context",
                            ),
                        ),
                        (
                            "pgh_obj",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="events",
                                to="casework.calendar",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Deadline",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("object_id", models.PositiveBigIntegerField()),
                        ("kind", models.CharField(max_length=40)),
                        ("about_id", models.PositiveBigIntegerField(blank=True, null=True)),
                        ("span", models.CharField(blank=True, max_length=20)),
                        ("started_at", models.DateTimeField()),
                        ("warn_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "due_at",
                            models.DateTimeField(
                                blank=True, help_text="Empty: there is no date yet, and the page says why.", null=True
                            ),
                        ),
                        ("pauses", models.JSONField(blank=True, default=list)),
                        ("paused_at", models.DateTimeField(blank=True, null=True)),
                        ("met_at", models.DateTimeField(blank=True, null=True)),
                        ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                        ("warned_at", models.DateTimeField(blank=True, null=True)),
                        ("breached_at", models.DateTimeField(blank=True, null=True)),
                        ("steps", models.JSONField(blank=True, default=list)),
                        (
                            "about_type",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="contenttypes.contenttype",
                            ),
                        ),
                        (
                            "calendar",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="casework.calendar",
                            ),
                        ),
                        (
                            "content_type",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="contenttypes.contenttype",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "clock",
                        "ordering": ("due_at", "pk"),
                        "indexes": [
                            models.Index(fields=["content_type", "object_id"], name="deadline_case"),
                            models.Index(
                                condition=models.Q(
                                    ("cancelled_at", None), ("met_at", None), ("breached_at", None), ("paused_at", None)
                                ),
                                fields=["due_at"],
                                name="deadline_to_breach",
                            ),
                            models.Index(
                                condition=models.Q(
                                    ("cancelled_at", None), ("met_at", None), ("paused_at", None), ("warned_at", None)
                                ),
                                fields=["warn_at"],
                                name="deadline_to_warn",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("cancelled_at", None), ("met_at", None)),
                                fields=("content_type", "object_id", "kind", "about_type", "about_id"),
                                name="deadline_one_open",
                                nulls_distinct=False,
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("met_at", None), ("cancelled_at", None), _connector="OR"),
                                name="deadline_met_or_cancelled",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("due_at", None), ("due_at__gte", models.F("started_at")), _connector="OR"
                                ),
                                name="deadline_due_after_start",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Deputy",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("ceo", "CEO"),
                                    ("cto", "CTO"),
                                    ("support", "Support"),
                                    ("privacy", "Privacy officer"),
                                    ("reviewer", "Reviewer"),
                                    ("auditor", "Auditor"),
                                    ("org_admin", "Organisation administrator"),
                                    ("member", "Member"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("starts_at", models.DateTimeField()),
                        ("ends_at", models.DateTimeField()),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deputyships",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "deputies",
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                                name="deputy_ends_after_start",
                                violation_error_message="The end must be later than the start.",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Grant",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("purpose", models.CharField(max_length=40)),
                        ("object_id", models.PositiveBigIntegerField()),
                        ("bound", models.JSONField(blank=True, default=dict)),
                        ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                        ("created_at", models.DateTimeField()),
                        ("expires_at", models.DateTimeField()),
                        ("window_until", models.DateTimeField(blank=True, null=True)),
                        ("starts", models.PositiveSmallIntegerField(default=0)),
                        ("max_starts", models.PositiveSmallIntegerField(blank=True, null=True)),
                        ("last_used_at", models.DateTimeField(blank=True, null=True)),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "content_type",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="contenttypes.contenttype",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "default_permissions": ("view",),
                        "indexes": [
                            models.Index(fields=["content_type", "object_id", "purpose"], name="grant_object"),
                            models.Index(fields=["expires_at"], name="grant_expires"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("expires_at__gt", models.F("created_at"))),
                                name="grant_expires_after_created",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("max_starts", None), ("starts__lte", models.F("max_starts")), _connector="OR"
                                ),
                                name="grant_within_starts",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Heartbeat",
                    fields=[
                        ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                        ("beat_at", models.DateTimeField()),
                    ],
                    options={
                        "db_table": "casework_heartbeat",
                    },
                ),
                migrations.CreateModel(
                    name="IdempotencyKey",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("scope", models.CharField(max_length=80)),
                        ("key", models.CharField(max_length=200)),
                        ("digest", models.CharField(max_length=64)),
                        ("reference", models.CharField(blank=True, max_length=200)),
                        ("created_at", models.DateTimeField()),
                    ],
                    options={
                        "verbose_name": "idempotency key",
                        "indexes": [models.Index(fields=["created_at"], name="idempotency_key_age")],
                        "constraints": [models.UniqueConstraint(fields=("scope", "key"), name="idempotency_key_once")],
                    },
                ),
                migrations.CreateModel(
                    name="Job",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("kind", models.CharField(max_length=60)),
                        (
                            "key",
                            models.CharField(
                                help_text="Idempotency key: the same work is kept once.", max_length=200, unique=True
                            ),
                        ),
                        ("arguments", models.JSONField(blank=True, default=dict)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("due", "due"),
                                    ("running", "running"),
                                    ("done", "done"),
                                    ("parked", "needs attention"),
                                    ("cancelled", "cancelled"),
                                ],
                                default="due",
                                max_length=10,
                            ),
                        ),
                        ("next_at", models.DateTimeField(blank=True, null=True)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("deaths", models.PositiveSmallIntegerField(default=0)),
                        ("lease_until", models.DateTimeField(blank=True, null=True)),
                        ("last_error", models.CharField(blank=True, max_length=500)),
                        ("parked_reason", models.CharField(blank=True, max_length=60)),
                        ("created_at", models.DateTimeField()),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        ("trace_id", models.CharField(blank=True, max_length=55)),
                    ],
                    options={
                        "verbose_name": "job",
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state", "due")), fields=["next_at", "id"], name="job_due"
                            ),
                            models.Index(
                                condition=models.Q(("state", "due")), fields=["kind", "next_at"], name="job_due_of_kind"
                            ),
                            models.Index(
                                condition=models.Q(("state", "running")), fields=["lease_until"], name="job_running"
                            ),
                            models.Index(
                                condition=models.Q(("state", "done")), fields=["finished_at"], name="job_done"
                            ),
                            models.Index(condition=models.Q(("state", "parked")), fields=["kind"], name="job_parked"),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("state", "due"), _negated=True),
                                    ("next_at__isnull", False),
                                    _connector="OR",
                                ),
                                name="job_due_has_time",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("state", "running"), _negated=True),
                                    ("lease_until__isnull", False),
                                    _connector="OR",
                                ),
                                name="job_running_has_lease",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Note",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("object_id", models.PositiveBigIntegerField()),
                        ("at", models.DateTimeField(help_text="When it happened or was said.")),
                        ("recorded_at", models.DateTimeField(editable=False)),
                        ("text", models.TextField(max_length=20000)),
                        (
                            "about",
                            models.CharField(
                                blank=True,
                                editable=False,
                                help_text="The step it explains, such as incident.resolved.",
                                max_length=60,
                            ),
                        ),
                        (
                            "internal",
                            models.BooleanField(default=True, help_text="Not for the person the case is about."),
                        ),
                        (
                            "content_type",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="contenttypes.contenttype",
                            ),
                        ),
                        (
                            "author",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ("at", "pk"),
                        "permissions": [("redact_note", "Can remove a passage or a file from a case")],
                        "indexes": [models.Index(fields=["content_type", "object_id", "at"], name="note_case")],
                    },
                ),
                migrations.CreateModel(
                    name="Organization",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.SlugField(max_length=60, unique=True)),
                        ("name", models.CharField(max_length=160)),
                        (
                            "kind",
                            models.CharField(
                                choices=[("operator", "operator"), ("tenant", "employer")],
                                default="tenant",
                                max_length=10,
                            ),
                        ),
                        (
                            "privacy_role",
                            models.CharField(
                                choices=[
                                    ("controller", "controller"),
                                    ("joint", "joint controller"),
                                    ("processor", "processor of ours"),
                                ],
                                default="controller",
                                max_length=12,
                            ),
                        ),
                        ("privacy_contact", models.EmailField(blank=True, max_length=254)),
                        ("phone_contacts", models.JSONField(blank=True, default=list)),
                        (
                            "notice_times",
                            models.JSONField(
                                blank=True, default=dict, help_text='Agreed notice times, such as {"breach": "PT24H"}.'
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "organisation",
                        "ordering": ("name",),
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("kind", "operator")),
                                fields=("kind",),
                                name="organization_one_operator",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AuditEntry",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("at", models.DateTimeField(help_text="When it was recorded.")),
                        (
                            "happened_at",
                            models.DateTimeField(
                                help_text="When it happened; earlier than recorded for facts entered afterwards."
                            ),
                        ),
                        (
                            "actor_label",
                            models.CharField(
                                help_text="P-0001 for a person, desk for the machine, token name for the API.",
                                max_length=40,
                            ),
                        ),
                        ("action", models.CharField(max_length=80)),
                        ("object_type", models.CharField(max_length=80)),
                        ("object_id", models.BigIntegerField(null=True)),
                        ("case_reference", models.CharField(blank=True, max_length=20)),
                        ("subject", models.UUIDField(help_text="Pseudonym of the person it is about.", null=True)),
                        (
                            "fields",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.CharField(max_length=60), default=list
                            ),
                        ),
                        ("detail", models.JSONField(default=dict)),
                        ("trace_id", models.CharField(blank=True, max_length=32)),
                        (
                            "xid",
                            config.casework.audit.models.Xid8Field(
                                db_default=config.casework.audit.models.CurrentTransaction(), editable=False
                            ),
                        ),
                        (
                            "organization",
                            models.ForeignKey(
                                db_constraint=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="casework.organization",
                            ),
                        ),
                        (
                            "actor",
                            models.ForeignKey(
                                db_constraint=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "audit entry",
                        "verbose_name_plural": "audit trail",
                        "ordering": ("pk",),
                        "default_permissions": ("view",),
                        "indexes": [
                            models.Index(fields=["case_reference", "id"], name="audit_case"),
                            models.Index(fields=["xid", "id"], name="audit_seal_order"),
                            models.Index(fields=["object_type", "object_id"], name="audit_object"),
                            models.Index(fields=["at"], name="audit_at"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Membership",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("is_admin", models.BooleanField(default=False)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "organization",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to="casework.organization",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("user", "organization"), name="membership_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RateCounter",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.CharField(max_length=64, unique=True)),
                        ("window_start", models.DateTimeField()),
                        ("expires_at", models.DateTimeField()),
                        ("n", models.PositiveIntegerField(default=0)),
                    ],
                    options={
                        "default_permissions": (),
                        "indexes": [models.Index(fields=["expires_at"], name="rate_counter_expires")],
                    },
                ),
                migrations.CreateModel(
                    name="ReferenceCounter",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("prefix", models.CharField(max_length=8)),
                        ("year", models.PositiveSmallIntegerField()),
                        ("last", models.PositiveIntegerField(default=0)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("prefix", "year"), name="reference_counter_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Signature",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("ceo", "CEO"),
                                    ("cto", "CTO"),
                                    ("support", "Support"),
                                    ("privacy", "Privacy officer"),
                                    ("reviewer", "Reviewer"),
                                    ("auditor", "Auditor"),
                                    ("org_admin", "Organisation administrator"),
                                    ("member", "Member"),
                                ],
                                max_length=20,
                            ),
                        ),
                        ("as_deputy", models.BooleanField(default=False)),
                        ("comment", models.TextField(blank=True, max_length=5000)),
                        ("at", models.DateTimeField()),
                        (
                            "approval",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="signatures",
                                to="casework.approval",
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("approval", "person"), name="signature_person_once"),
                            models.UniqueConstraint(fields=("approval", "role"), name="signature_role_once"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="StoredFile",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("object_id", models.PositiveBigIntegerField()),
                        ("name", models.CharField(max_length=120)),
                        (
                            "mime",
                            models.CharField(
                                editable=False, help_text="The kind of file, told by its bytes.", max_length=100
                            ),
                        ),
                        ("size", models.PositiveBigIntegerField(editable=False, help_text="Bytes, before encryption.")),
                        ("sha256", models.CharField(blank=True, editable=False, max_length=64)),
                        ("wrapped_key", models.BinaryField()),
                        ("path", models.CharField(blank=True, editable=False, max_length=200)),
                        (
                            "internal",
                            models.BooleanField(default=True, help_text="Not for the person the case is about."),
                        ),
                        ("uploaded_at", models.DateTimeField()),
                        (
                            "retention_until",
                            models.DateTimeField(
                                blank=True, help_text="Deleted after this; empty: with its case.", null=True
                            ),
                        ),
                        ("redacted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                        ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                        (
                            "content_type",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="contenttypes.contenttype",
                            ),
                        ),
                        (
                            "uploaded_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "file",
                        "ordering": ("uploaded_at", "pk"),
                        "indexes": [
                            models.Index(fields=["content_type", "object_id"], name="file_case"),
                            models.Index(
                                condition=models.Q(("retention_until__isnull", False)),
                                fields=["retention_until"],
                                name="file_retention",
                            ),
                            models.Index(
                                condition=models.Q(("deleted_at__isnull", False)),
                                fields=["deleted_at"],
                                name="file_leaving",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("deleted_at", None), ("redacted_at", None)),
                                    ("wrapped_key", b""),
                                    _connector="OR",
                                ),
                                name="file_removed_has_no_key",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SubjectPseudonym",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("pseudonym", models.UUIDField(unique=True)),
                        ("subject", models.CharField(blank=True, max_length=254)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("subject", ""), _negated=True),
                                fields=("subject",),
                                name="pseudonym_subject_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="System",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.SlugField(max_length=40, unique=True)),
                        ("name", models.CharField(max_length=120)),
                        ("public_name", models.CharField(blank=True, max_length=120)),
                        ("description", models.TextField(blank=True)),
                        ("version", models.CharField(blank=True, help_text="Version of the runbook.", max_length=60)),
                        ("zone", models.CharField(default="UTC", max_length=60)),
                        (
                            "job_labels",
                            models.JSONField(
                                blank=True,
                                default=list,
                                help_text="Values of the label job in alerts that mean this system.",
                            ),
                        ),
                        ("contacts", models.JSONField(blank=True, default=list)),
                        ("links", models.JSONField(blank=True, default=list)),
                        (
                            "settings",
                            models.JSONField(
                                blank=True,
                                default=dict,
                                help_text="Single values of the runbook, by the room that reads them.",
                            ),
                        ),
                        ("source_digest", models.CharField(blank=True, editable=False, max_length=64)),
                        (
                            "calendar",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="systems",
                                to="casework.calendar",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "system",
                        "ordering": ("name",),
                    },
                ),
                migrations.CreateModel(
                    name="SystemEvent",
                    fields=[
                        ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                        ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                        ("pgh_label", models.TextField(help_text="The event label.")),
                        ("id", models.BigIntegerField()),
                        ("key", models.SlugField(db_index=False, max_length=40)),
                        ("name", models.CharField(max_length=120)),
                        ("public_name", models.CharField(blank=True, max_length=120)),
                        ("description", models.TextField(blank=True)),
                        ("version", models.CharField(blank=True, help_text="Version of the runbook.", max_length=60)),
                        ("zone", models.CharField(default="UTC", max_length=60)),
                        (
                            "job_labels",
                            models.JSONField(
                                blank=True,
                                default=list,
                                help_text="Values of the label job in alerts that mean this system.",
                            ),
                        ),
                        ("links", models.JSONField(blank=True, default=list)),
                        (
                            "settings",
                            models.JSONField(
                                blank=True,
                                default=dict,
                                help_text="Single values of the runbook, by the room that reads them.",
                            ),
                        ),
                        (
                            "calendar",
                            models.ForeignKey(
                                blank=True,
                                db_constraint=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                related_query_name="+",
                                to="casework.calendar",
                            ),
                        ),
                        (
                            "pgh_context",
                            models.ForeignKey(
                                db_constraint=False,
                                null=True,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="pghistory.context",
                            ),
                        ),
                        (
                            "pgh_obj",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="events",
                                to="casework.system",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
            ],
        ),
        migrations.AddField(
            model_name="user",
            name="organizations",
            field=models.ManyToManyField(
                related_name="people", through="casework.Membership", to="casework.organization"
            ),
        ),
        config.casework.tables.Tables(
            operations=[
                pgtrigger.migrations.AddTrigger(
                    model_name="auditseal",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="713da80abebb3ec600693fee2ad58205a9a3e4d1",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_6beca",
                            table="casework_auditseal",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="auditseal",
                    trigger=pgtrigger.compiler.Trigger(
                        name="no_truncate",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;",
                            hash="2ae56dea3fc64d29df935bf89cbc9de13a64a585",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_no_truncate_144b0",
                            table="casework_auditseal",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="calendar",
                    trigger=pgtrigger.compiler.Trigger(
                        name="insert_insert",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='INSERT INTO "casework_calendarevent" ("closed_days", "holidays", "hours", "id", "key", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "zone") VALUES (NEW."closed_days", NEW."holidays", NEW."hours", NEW."id", NEW."key", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."zone"); RETURN NULL;',
                            hash="6ae925aa730551f6f8af11c5922296c245fc0d86",
                            operation="INSERT",
                            pgid="pgtrigger_insert_insert_e54ee",
                            table="casework_calendar",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="calendar",
                    trigger=pgtrigger.compiler.Trigger(
                        name="update_update",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                            func='INSERT INTO "casework_calendarevent" ("closed_days", "holidays", "hours", "id", "key", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "zone") VALUES (NEW."closed_days", NEW."holidays", NEW."hours", NEW."id", NEW."key", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."zone"); RETURN NULL;',
                            hash="fdd9777538ca1b0d1dfe951f04d97345cdd2592b",
                            operation="UPDATE",
                            pgid="pgtrigger_update_update_d7e21",
                            table="casework_calendar",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="calendar",
                    trigger=pgtrigger.compiler.Trigger(
                        name="delete_delete",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='INSERT INTO "casework_calendarevent" ("closed_days", "holidays", "hours", "id", "key", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "zone") VALUES (OLD."closed_days", OLD."holidays", OLD."hours", OLD."id", OLD."key", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."zone"); RETURN NULL;',
                            hash="24ce73f996871b1bb630aec82550b3893a3fde00",
                            operation="DELETE",
                            pgid="pgtrigger_delete_delete_53b0b",
                            table="casework_calendar",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="auditentry",
                    trigger=pgtrigger.compiler.Trigger(
                        name="append_only",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                            hash="c19b979d4e0d0cdcfe940235585b09db9b89b1bf",
                            operation="UPDATE OR DELETE",
                            pgid="pgtrigger_append_only_c1ecb",
                            table="casework_auditentry",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="auditentry",
                    trigger=pgtrigger.compiler.Trigger(
                        name="no_truncate",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;",
                            hash="86da137f41aa59e06cec4c6d669fb84c20ba43c3",
                            level="STATEMENT",
                            operation="TRUNCATE",
                            pgid="pgtrigger_no_truncate_2f458",
                            table="casework_auditentry",
                            when="BEFORE",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="system",
                    trigger=pgtrigger.compiler.Trigger(
                        name="insert_insert",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='INSERT INTO "casework_systemevent" ("calendar_id", "description", "id", "job_labels", "key", "links", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_name", "settings", "version", "zone") VALUES (NEW."calendar_id", NEW."description", NEW."id", NEW."job_labels", NEW."key", NEW."links", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."public_name", NEW."settings", NEW."version", NEW."zone"); RETURN NULL;',
                            hash="006ae221627d4faf7397439c6d04ed7fd3064a6b",
                            operation="INSERT",
                            pgid="pgtrigger_insert_insert_8f4ae",
                            table="casework_system",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="system",
                    trigger=pgtrigger.compiler.Trigger(
                        name="update_update",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            condition='WHEN (OLD."calendar_id" IS DISTINCT FROM (NEW."calendar_id") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."job_labels" IS DISTINCT FROM (NEW."job_labels") OR OLD."key" IS DISTINCT FROM (NEW."key") OR OLD."links" IS DISTINCT FROM (NEW."links") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."public_name" IS DISTINCT FROM (NEW."public_name") OR OLD."settings" IS DISTINCT FROM (NEW."settings") OR OLD."version" IS DISTINCT FROM (NEW."version") OR OLD."zone" IS DISTINCT FROM (NEW."zone"))',
                            func='INSERT INTO "casework_systemevent" ("calendar_id", "description", "id", "job_labels", "key", "links", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_name", "settings", "version", "zone") VALUES (NEW."calendar_id", NEW."description", NEW."id", NEW."job_labels", NEW."key", NEW."links", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."public_name", NEW."settings", NEW."version", NEW."zone"); RETURN NULL;',
                            hash="bd4ef6689f420e5d2e61300c7be7d1faa6283d6a",
                            operation="UPDATE",
                            pgid="pgtrigger_update_update_7948b",
                            table="casework_system",
                            when="AFTER",
                        ),
                    ),
                ),
                pgtrigger.migrations.AddTrigger(
                    model_name="system",
                    trigger=pgtrigger.compiler.Trigger(
                        name="delete_delete",
                        sql=pgtrigger.compiler.UpsertTriggerSql(
                            func='INSERT INTO "casework_systemevent" ("calendar_id", "description", "id", "job_labels", "key", "links", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_name", "settings", "version", "zone") VALUES (OLD."calendar_id", OLD."description", OLD."id", OLD."job_labels", OLD."key", OLD."links", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."public_name", OLD."settings", OLD."version", OLD."zone"); RETURN NULL;',
                            hash="c8146fb0902935219cd31f3b0df3d3c70e432de3",
                            operation="DELETE",
                            pgid="pgtrigger_delete_delete_142a0",
                            table="casework_system",
                            when="AFTER",
                        ),
                    ),
                ),
            ],
        ),
    ]
