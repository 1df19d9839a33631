"""What a platform does with the desk's answers, and without them."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pytest_django.live_server_helper import LiveServer

from config.casework.access.choices import Scope
from config.casework.access.services import issue_token
from disputes.assessments.services import mark_under_review
from tests import factories
from tests.disputes.makers import LABEL, assessment
from tests.disputes.platform import Platform


@pytest.mark.django_db(transaction=True)
def test_with_an_answer_it_does_what_the_desk_says(live_server: LiveServer) -> None:
    now = datetime.now(UTC)
    assessed = assessment(now, system=factories.system(), external_id="a-1")
    platform = Platform(live_server.url, issue_token("platform", [Scope.DISPUTES], actor=None, at=now))
    assert platform.label("jobarium/a-1") == LABEL
    assert platform.may_reject("jobarium/a-1", "skills") is True
    assert platform.may_reject("jobarium/a-1", "authenticity") is False
    mark_under_review(assessed, actor=None, at=now)
    assert platform.label("jobarium/a-1") is None


@pytest.fixture
def silence() -> Iterator[str]:
    """An address that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_without_an_answer_it_shows_no_label_and_rejects_nobody(silence: str) -> None:
    platform = Platform(silence, "token")
    assert platform.label("jobarium/a-1") is None
    assert platform.may_reject("jobarium/a-1", "skills") is False
