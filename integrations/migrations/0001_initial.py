import config.casework.tables
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('casework', '0002_tables'),
        ('contenttypes', '0002_remove_content_type_name'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        config.casework.tables.Tables(
            operations=[migrations.CreateModel(
                name='AlertGroup',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('source', models.CharField(choices=[('alertmanager', 'Alertmanager')], default='alertmanager', max_length=20)),
                    ('key', models.TextField(help_text="The sender's own key, such as the groupKey of Alertmanager.")),
                    ('key_hash', models.CharField(editable=False, max_length=64)),
                    ('receiver', models.CharField(blank=True, max_length=200)),
                    ('group_labels', models.JSONField(blank=True, default=dict)),
                    ('external_url', models.TextField(blank=True)),
                    ('truncated', models.PositiveIntegerField(default=0, help_text='Alerts the sender left out of its last message.')),
                    ('first_at', models.DateTimeField()),
                    ('last_at', models.DateTimeField()),
                    ('system', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='alert_groups', to='casework.system')),
                ],
                options={
                    'verbose_name': 'alert group',
                    'ordering': ('-last_at', '-pk'),
                    'indexes': [models.Index(condition=models.Q(('system', None)), fields=['-last_at'], name='alert_group_unknown')],
                    'constraints': [models.UniqueConstraint(fields=('source', 'key_hash', 'system'), name='alert_group_once', nulls_distinct=False)],
                },
            ), migrations.CreateModel(
                name='Delivery',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                    ('payload', models.JSONField()),
                    ('references', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, help_text='The cases it belongs to.')),
                    ('received_at', models.DateTimeField()),
                    ('last_received_at', models.DateTimeField()),
                    ('times', models.PositiveIntegerField(default=0, help_text='How often the very same message came.')),
                    ('expires_at', models.DateTimeField(blank=True, help_text='Empty while a case holds it.', null=True)),
                    ('groups', models.ManyToManyField(related_name='deliveries', to='integrations.alertgroup')),
                    ('token', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='casework.apitoken')),
                ],
                options={
                    'verbose_name': 'delivery',
                    'verbose_name_plural': 'deliveries',
                    'ordering': ('-last_received_at', '-pk'),
                    'indexes': [models.Index(condition=models.Q(('expires_at__isnull', False)), fields=['expires_at'], name='delivery_to_expire')],
                },
            ), migrations.CreateModel(
                name='Message',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('idempotency_key', models.CharField(max_length=200, unique=True)),
                    ('channel', models.CharField(choices=[('email', 'mail'), ('chat', 'chat'), ('sms', 'SMS'), ('push', 'push'), ('voice', 'call')], max_length=10)),
                    ('purpose', models.CharField(choices=[('page', 'page'), ('escalation', 'escalation'), ('reminder', 'reminder'), ('update', 'update to users'), ('internal', 'internal update'), ('notice', 'notice'), ('test', 'test page')], max_length=12)),
                    ('object_id', models.PositiveBigIntegerField(blank=True, null=True)),
                    ('about_id', models.PositiveBigIntegerField(blank=True, help_text='The page, communication or other row it carries.', null=True)),
                    ('recipient_name', models.CharField(blank=True, max_length=120)),
                    ('address', models.CharField(blank=True, max_length=254)),
                    ('target', models.CharField(blank=True, help_text='Which of the configured chat targets.', max_length=20)),
                    ('subject', models.CharField(max_length=250)),
                    ('text', models.TextField()),
                    ('html', models.TextField(blank=True)),
                    ('state', models.CharField(choices=[('queued', 'queued'), ('sending', 'sending'), ('sent', 'sent'), ('delivered', 'delivered'), ('failed', 'failed'), ('outreach', 'to be reached by hand'), ('expired', 'no longer needed')], default='queued', max_length=10)),
                    ('outcome', models.CharField(blank=True, max_length=120)),
                    ('trace', models.CharField(blank=True, max_length=55)),
                    ('created_at', models.DateTimeField()),
                    ('sent_at', models.DateTimeField(blank=True, null=True)),
                    ('content_type', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contenttypes.contenttype')),
                    ('person', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'ordering': ('created_at', 'pk'),
                    'default_permissions': ('view',),
                    'indexes': [models.Index(fields=['content_type', 'object_id', 'created_at'], name='message_case'), models.Index(condition=models.Q(('state__in', ['queued', 'failed'])), fields=['created_at'], name='message_open')],
                },
            ), migrations.CreateModel(
                name='Monitor',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('key', models.CharField(max_length=80, unique=True)),
                    ('title', models.CharField(blank=True, max_length=200)),
                    ('metric', models.CharField(blank=True, max_length=120)),
                    ('severity', models.CharField(blank=True, help_text='Key of a severity of the system.', max_length=20)),
                    ('page', models.CharField(blank=True, choices=[('never', 'never'), ('always', 'always'), ('business_hours', 'in business hours')], help_text='Empty: as the severity says.', max_length=20)),
                    ('playbook', models.CharField(blank=True, help_text='Key of the procedure to walk.', max_length=80)),
                    ('spec', models.JSONField(blank=True, default=dict, help_text='The whole row of the runbook.')),
                    ('system', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='monitors', to='casework.system')),
                ],
                options={
                    'verbose_name': 'monitor',
                    'ordering': ('key',),
                },
            ), migrations.CreateModel(
                name='Alert',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('fingerprint', models.CharField(max_length=64)),
                    ('name', models.CharField(blank=True, help_text='The label alertname.', max_length=200)),
                    ('status', models.CharField(choices=[('firing', 'firing'), ('resolved', 'resolved')], max_length=10)),
                    ('severity_hint', models.CharField(blank=True, help_text='Key of a severity of the system; empty: nothing named one.', max_length=20)),
                    ('data_loss', models.BooleanField(default=False)),
                    ('labels', models.JSONField(blank=True, default=dict)),
                    ('annotations', models.JSONField(blank=True, default=dict)),
                    ('generator_url', models.TextField(blank=True)),
                    ('starts_at', models.DateTimeField(help_text='When the sender saw it begin; no clock counts from here.')),
                    ('ends_at', models.DateTimeField(blank=True, null=True)),
                    ('first_received_at', models.DateTimeField()),
                    ('last_received_at', models.DateTimeField()),
                    ('times', models.PositiveIntegerField(default=1, help_text='Messages that named it.')),
                    ('system', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='casework.system')),
                    ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='integrations.alertgroup')),
                    ('monitor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='alerts', to='integrations.monitor')),
                ],
                options={
                    'verbose_name': 'alert',
                    'ordering': ('-last_received_at', '-pk'),
                    'constraints': [models.UniqueConstraint(fields=('group', 'fingerprint'), name='alert_once'), models.CheckConstraint(condition=models.Q(models.Q(('ends_at', None), ('status', 'firing')), models.Q(('ends_at__isnull', False), ('status', 'resolved')), _connector='OR'), name='alert_resolved_has_end')],
                },
            )],
        ),
    ]
