"""Every call of the API against its own schema, with generated input (bounded to some seconds)."""

from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pytest_django.live_server_helper import LiveServer
from schemathesis.specs.openapi.checks import positive_data_acceptance

from config.casework.access.choices import Scope
from config.casework.access.services import issue_token
from config.casework.api import security
from tests import factories

EXAMPLES = 60  # in all; at least EACH for a call
EACH = 6
BUSY = 100_000


@pytest.fixture
def headers(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A token that may do everything, as often as it likes."""
    monkeypatch.setattr(security, "CALLS_PER_MINUTE", BUSY)
    factories.system("jobarium", job_labels=["jobarium"])
    token = issue_token("schemathesis", list(Scope), actor=None, at=datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


def test_no_generated_call_breaks_the_desk_or_its_schema(live_server: LiveServer, headers: dict[str, str]) -> None:
    schema = schemathesis.openapi.from_url(f"{live_server.url}/api/openapi.json")
    operations: list[Any] = [result.ok() for result in schema.get_all_operations()]
    assert operations
    for operation in operations:
        _try(operation, headers, examples=max(EACH, EXAMPLES // len(operations)))


def _try(operation: Any, headers: dict[str, str], *, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        # a schema cannot say "no NUL" and "not in the future": what it calls valid may be refused
        case = data.draw(operation.as_strategy())
        case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

    check()
