"""Calls about assessments with generated input, and at the same time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pytest_django.live_server_helper import LiveServer
from schemathesis.specs.openapi.checks import positive_data_acceptance

from config.casework.access.choices import Scope
from config.casework.access.services import issue_token
from disputes.assessments.models import Assessment, AssessmentVersion
from disputes.assessments.services import put_assessment
from tests import factories
from tests.disputes.makers import assessment, snapshot

EXAMPLES = 25
PATHS = ("/api/assessments/{system}/{external_id}", "/api/assessments/{system}/{external_id}/standing")
CHECK = "/api/hiring-decisions/check"


@pytest.fixture
def headers(transactional_db: None) -> dict[str, str]:
    now = datetime.now(UTC)
    assessment(now, system=factories.system(), external_id="a-1")
    token = issue_token("generated", [Scope.DISPUTES], actor=None, at=now)
    return {"Authorization": f"Bearer {token}"}


def test_generated_calls_about_an_assessment_that_is_there_break_nothing(
    live_server: LiveServer, headers: dict[str, str]
) -> None:
    schema = schemathesis.openapi.from_url(f"{live_server.url}/api/openapi.json")
    operations: list[Any] = [result.ok() for result in schema.get_all_operations()]
    ours = [operation for operation in operations if operation.path in (*PATHS, CHECK)]
    assert len(ours) == 3
    for operation in ours:
        _try(operation, headers)


def _try(operation: Any, headers: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy())
        if case.path_parameters:
            case.path_parameters |= {"system": "jobarium", "external_id": "a-1"}
        elif isinstance(case.body, dict):
            case.body["assessment"] = "jobarium/a-1"
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    check()


@pytest.mark.django_db(transaction=True)
def test_the_same_snapshot_ten_times_at_once_is_one_assessment() -> None:
    at, system = datetime.now(UTC), factories.system()

    def put(_number: int) -> bool:
        try:
            return put_assessment(system, "a-1", snapshot(at), actor=None, at=at).created
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        created = list(pool.map(put, range(10)))
    assert created.count(True) == 1
    assert (Assessment.objects.count(), AssessmentVersion.objects.count()) == (1, 1)
