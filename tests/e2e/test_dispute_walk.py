"""A dispute as the three who meet it have it: the candidate, the reviewer, and the one who must not decide."""

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from disputes.assessments.models import Assessment
from disputes.assessments.notices import dispute_url
from disputes.choices import DisputeState
from disputes.models import Dispute
from tests.disputes.disputing import contested, filed, reviewer
from tests.e2e.test_walk import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDTHS = ((390, 844), (1366, 850))


@pytest.fixture
def row() -> Assessment:
    load([settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"], at=clock.now())
    return contested(
        clock.now(),
        system=System.objects.get(key="jobarium"),
        external_id="interview-4711",
        reason_codes=("paste_burst", "typing_rhythm"),
        telemetry={"expected": 1200, "received": 1104, "gaps": [{"from": 300, "to": 340}, {"from": 700, "to": 756}]},
        assessed_by="asa@example.com",
    )


def looks(page: Page, picture: Callable[[str], None], name: str) -> None:
    """Pictures at the widths and in the two schemes; nothing may be wider than the screen."""
    for width, height in WIDTHS:
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            picture(f"{name}-{width}-{scheme}")
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("language", ["en-gb", "de"])
def test_the_candidate_contests_it_and_asks_to_be_heard(
    live_server: LiveServer, quiet_page: Page, picture: Callable[[str], None], row: Assessment, language: str
) -> None:
    page = quiet_page
    path = urlsplit(dispute_url(row, at=clock.now())).path
    page.goto(f"{live_server.url}{path}?language={language}")
    expect(page.locator("h1")).to_have_text(
        "Contest an assessment" if language == "en-gb" else "Einer Bewertung widersprechen"
    )
    expect(page.locator("html")).to_have_attribute("lang", re.compile(language[:2]))
    looks(page, picture, f"form-{language}")
    page.fill("[name=statement]", "I dictated my answers.")
    page.check("[name=circumstances][value=dictation]")
    page.locator("main button[type=submit]").click()
    expect(page.locator(".reference")).to_contain_text("DSP-")
    looks(page, picture, f"sent-{language}")
    own = page.locator(".actions a.button").get_attribute("href")
    page.goto(f"{live_server.url}{urlsplit(own or '').path}")
    looks(page, picture, f"own-{language}")
    page.locator("details.panel summary").nth(1).click()
    page.check("[name=hear-way][value=call]")
    page.fill("[name=hear-phone]", "+49 171 5550199")
    looks(page, picture, f"heard-{language}")
    page.locator("details[open] button[type=submit]").click()
    assert Dispute.objects.get().hearings.get().phone == "+49 171 5550199"
    page.goto(f"{live_server.url}/disputes/new/?language={language}")
    page.locator("main button[type=submit]").click()
    looks(page, picture, f"reference-{language}")


def test_the_reviewer_reads_the_account_before_the_score_and_decides(
    live_server: LiveServer, quiet_page: Page, picture: Callable[[str], None], row: Assessment
) -> None:
    page, rita = quiet_page, reviewer(clock.now())
    dispute = filed(clock.now(), row)
    sign_in(page, live_server, rita)
    page.goto(f"{live_server.url}/admin/disputes/dispute/")
    picture("list")
    address = f"{live_server.url}/admin/disputes/dispute/{dispute.pk}/change/"
    page.goto(address)
    picture("overview")
    page.locator(".case-head").get_by_role("button", name="I review it", exact=True).click()
    page.goto(f"{address}?tab=review")
    assert "91 %" not in page.content()
    picture("review-account")
    page.get_by_role("link", name="Note my first impression").click()
    page.check("[name=impression][value=convincing]")
    page.locator("form button[type=submit]", has_text="Note my first impression").click()
    page.get_by_role("link", name="Show me the score").click()
    page.locator("form button[type=submit]", has_text="Show me the score").click()
    looks_desk(page, picture, "review-score")
    for _number in range(4):
        page.get_by_role("link", name="Tick it").first.click()
        page.fill("[name=note]", "Looked at it.")
        page.locator("form button[type=submit]", has_text="Tick the check").click()
    for _number in range(2):
        page.get_by_role("link", name="Answer", exact=True).first.click()
        page.check("[name=counts][value=no]")
        page.select_option("[name=circumstance]", "dictation")
        picture("review-code")
        page.locator("form button[type=submit]", has_text="Answer").click()
    looks_desk(page, picture, "review-done")
    page.goto(f"{address}?tab=decision")
    page.get_by_role("link", name="Decide", exact=True).last.click()
    page.check("[name=outcome][value=label_removed]")
    page.fill("[name=reasons]", "You dictated, and nothing else speaks for help.")
    picture("decide")
    page.locator("form button[type=submit]", has_text="Decide").click()
    dispute.refresh_from_db()
    assert (dispute.state, dispute.outcome) == (DisputeState.DECIDED, "label_removed")
    looks_desk(page, picture, "decision")
    for tab in ("letters", "employer"):
        page.goto(f"{address}?tab={tab}")
        picture(tab)
    page.goto(f"{live_server.url}/admin/disputes/dispute/figures/")
    picture("figures")


def looks_desk(page: Page, picture: Callable[[str], None], name: str) -> None:
    for width, height in WIDTHS:
        page.set_viewport_size({"width": width, "height": height})
        picture(f"{name}-{width}")


def test_the_assessor_is_refused_in_plain_words(
    live_server: LiveServer, quiet_page: Page, picture: Callable[[str], None]
) -> None:
    page = quiet_page
    assessor: User = reviewer(clock.now(), "Asa Assessor", role=Role.REVIEWER, email="asa@example.com")
    row = contested(clock.now(), assessed_by=assessor.email, assessed_at=clock.now() - timedelta(hours=1))
    dispute = filed(clock.now(), row)
    sign_in(page, live_server, assessor)
    page.goto(f"{live_server.url}/admin/disputes/dispute/{dispute.pk}/change/?tab=review")
    expect(page.locator(".note", has_text="You assessed or labelled this candidate")).to_be_visible()
    assert "I dictated instead of typing" not in page.content()
    picture("assessor")
    page.goto(f"{live_server.url}/admin/disputes/dispute/{dispute.pk}/do/decide/")
    expect(page.get_by_text("Take it first")).to_be_visible()
