"""What the database itself brings: trigram search, exclusion of overlapping times, the queue's index, the unlogged cache table."""

from django.contrib.postgres.operations import BtreeGistExtension, TrigramExtension
from django.db import migrations

CACHE = """
CREATE UNLOGGED TABLE IF NOT EXISTS desk_cache (
    cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS desk_cache_expires ON desk_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("casework", "0002_tables"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    run_before = [("incidents", "0001_initial"), ("integrations", "0001_initial")]
    operations = [
        TrigramExtension(),
        BtreeGistExtension(),
        migrations.RunSQL(
            "CREATE INDEX IF NOT EXISTS casework_ormq_key_lock ON django_q_ormq (key, lock)",
            "DROP INDEX IF EXISTS casework_ormq_key_lock",
        ),
        migrations.RunSQL(CACHE, "DROP TABLE IF EXISTS desk_cache"),
    ]
