"""Many made-up assessments at once, for measuring: written by the database itself, never through the services.

Nobody behind them has an address, so nobody is written to; their references begin with a word no real one has.
"""

from datetime import datetime
from typing import Any

import pgtrigger
from django.db import connection, transaction

from config.casework.access.services import operator_organization
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import Organization, System
from disputes.assessments.models import Assessment, AssessmentVersion, ScoringVersion

KEY = "bench-"
SYSTEM = "jobarium"
BATCH = 50_000
UNTOLD_EVERY = 500
REVIEWED_EVERY = 50

ASSESSMENTS = """
INSERT INTO disputes_assessment (
    system_id, external_id, organization_id, job_ref, candidate_ref, candidate_email, candidate_locale, recipients,
    candidate_informed_at, notice_state, notice_round, standing, standing_at, label, model_version, rules_version, contestable,
    assessed_at, received_at
)
SELECT %(system)s, %(key)s || n, (%(organizations)s::bigint[])[1 + n %% array_length(%(organizations)s::bigint[], 1)],
    'job-' || n %% 200, %(key)s || 'candidate-' || n, '', 'en', '[]'::jsonb,
    CASE WHEN n %% 4 = 0 AND n %% %(untold)s <> 0 THEN at END,
    CASE WHEN n %% %(untold)s = 0 THEN 'missing' WHEN n %% 4 = 0 THEN 'told' ELSE 'not_needed' END,
    0, CASE WHEN n %% %(reviewed)s = 0 THEN (ARRAY['under_review','label_removed','label_confirmed','rescored'])[1 + n / %(reviewed)s %% 4]
        ELSE 'final' END,
    at, CASE WHEN n %% 4 = 0 THEN 'heavy assistance suspected' ELSE 'no assistance suspected' END,
    'bench-model-' || n %% 5, 'bench-rules-' || n %% 3, n %% 4 = 0, at, at
FROM (SELECT n, %(at)s::timestamptz - n * interval '4 minutes' AS at FROM generate_series(%(begin)s::int, %(end)s::int) AS n) AS made
"""
VERSIONS = """
INSERT INTO disputes_assessmentversion (
    assessment_id, number, kind, intake, label, confidence, reason_codes, telemetry, model_version, rules_version, assessed_at,
    assessed_by, received_at, extra, digest, fault
)
SELECT id, 1, 'original', 'import', label, 0.5 + (id %% 50) / 100.0, ARRAY['paste_burst', 'focus_loss'],
    '{"expected": 100, "received": 98, "gaps": []}'::jsonb, model_version, rules_version, assessed_at, '', received_at,
    '{}'::jsonb, md5(external_id), ''
FROM disputes_assessment WHERE system_id = %(system)s AND external_id LIKE %(key)s || '%%' AND current_id IS NULL
"""
CURRENT = """
UPDATE disputes_assessment SET current_id = version.id FROM disputes_assessmentversion AS version
WHERE version.assessment_id = disputes_assessment.id AND disputes_assessment.current_id IS NULL AND external_id LIKE %(key)s || '%%'
"""


def load(count: int, *, at: datetime) -> int:
    """Write so many assessments with one snapshot each, spread over the time before `at`.

    Returns:
        how many assessments of this kind there are now.
    Raises:
        System.DoesNotExist: the runbook of Jobarium was not loaded.
    """
    system = System.objects.get(key=SYSTEM)
    first = Assessment.objects.filter(system=system, external_id__startswith=KEY).count()
    values: dict[str, Any] = {
        "system": system.pk,
        "key": KEY,
        "organizations": _organizations(),
        "at": at,
        "untold": UNTOLD_EVERY,
        "reviewed": REVIEWED_EVERY,
    }
    _versions(system, at)
    for begin in range(first + 1, first + count + 1, BATCH):
        end = min(begin + BATCH - 1, first + count)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{','.join(_still())}}}"])
            for statement in (ASSESSMENTS, VERSIONS, CURRENT):
                cursor.execute(statement, values | {"begin": begin, "end": end})
            cursor.execute("SELECT set_config('pgtrigger.ignore', '{}', true)")
    with connection.cursor() as cursor:
        for model in (Assessment, AssessmentVersion):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
    return first + count


def _still() -> list[str]:
    """The history triggers, which would take most of the time: nobody changed these rows."""
    models = (Assessment, AssessmentVersion)
    return [trigger.get_pgid(model) for model, trigger in pgtrigger.registered() if model._meta.model in models]


def _organizations() -> list[int]:
    for number in range(1, 8):
        Organization.objects.get_or_create(
            key=f"bench-{number}", defaults={"name": f"Bench employer {number}", "kind": OrganizationKind.TENANT}
        )
    tenants = Organization.objects.filter(key__startswith=KEY).order_by("key")
    return [operator_organization().pk, *tenants.values_list("pk", flat=True)]


def _versions(system: System, at: datetime) -> None:
    rows = [
        ScoringVersion(system=system, part=part, key=f"bench-{part}-{number}", active_from=at)
        for part, count in (("model", 5), ("rules", 3))
        for number in range(count)
    ]
    ScoringVersion.objects.bulk_create(rows, ignore_conflicts=True)
