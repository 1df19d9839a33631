"""The CTO's hour, as the CTO has it: sign in, take the incident, work it, tell people, resolve, review, close."""

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.core import mail
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.work.services import tick
from incidents.models import Incident, Severity
from incidents.services import open_incident
from tests import factories
from tests.e2e.conftest import totp

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cto() -> User:
    return factories.person(Role.CTO, name="Lea Lead", email="lea@example.com")


@pytest.fixture
def incident(cto: User) -> Incident:
    """CV parsing fails more than it should: the alert has opened a SEV-2 with playbook A."""
    factories.person(Role.CEO, name="Carl Chief", email="carl@example.com")
    load([settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"], at=clock.now())
    system = System.objects.get(key="jobarium")
    playbook = system.procedures.get(key="jobarium-a")
    level = Severity.objects.select_related("system__calendar").get(system=system, key="SEV-2")
    return open_incident(system, title=playbook.title, actor=None, at=clock.now(), severity=level, playbook=playbook)


def sign_in(page: Page, server: LiveServer, person: User) -> None:
    """Password, then a second factor enrolled on the spot, as a new member of staff does it."""
    page.goto(f"{server.url}/admin/")
    page.fill("[name=login]", person.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/2fa/totp/activate/**")
    secret = re.search(r"\b[A-Z2-7]{32}\b", page.content())
    assert secret is not None
    page.fill("[name=code]", totp(secret.group(0)))
    page.click("button[type=submit]")
    page.wait_for_url("**/recovery-codes/**")


def step(page: Page, label: str) -> None:
    """Press a step in the head of the case, behind "More" if it stands there, and confirm it."""
    head = page.locator(".case-head")
    button = head.get_by_role("link", name=label, exact=True).or_(head.get_by_role("button", name=label, exact=True))
    if not button.first.is_visible():
        head.locator("summary", has_text="More").click()
    button.first.click()


def confirm(page: Page, label: str) -> None:
    page.locator("form").get_by_role("button", name=label, exact=True).click()


def test_the_cto_works_an_incident_from_page_to_close(
    live_server: LiveServer, quiet_page: Page, picture: Callable[[str], None], cto: User, incident: Incident
) -> None:
    page = quiet_page
    tick(clock.now())
    pages = [message for message in mail.outbox if message.subject.startswith("[SEV-")]  # beside what goes out daily
    assert [message.to for message in pages] == [['"Lea Lead" <lea@example.com>']]
    sign_in(page, live_server, cto)

    page.goto(f"{live_server.url}/admin/")
    picture("dashboard")
    expect(page.locator("main, #content, body").first).to_contain_text(incident.reference)
    page.get_by_role("link", name=re.compile(incident.reference)).first.click()
    case_url = page.url.split("?")[0]
    expect(page.locator(".case-head")).to_contain_text("acknowledge within")
    picture("case")

    step(page, "I have it")
    if page.url.endswith("/step/acknowledge/"):
        confirm(page, "I have it")
    expect(page.locator(".case-head")).not_to_contain_text("acknowledge within")

    step(page, "Triage")
    page.fill("[name=scope]", "Candidates who upload a CV")
    picture("triage")
    confirm(page, "Triage")
    expect(page.locator(".case-head")).to_contain_text("triaged")

    page.goto(f"{case_url}?tab=playbook")
    picture("playbook")
    while page.locator("button[name=act][value=tick]").count():
        page.locator("button[name=act][value=tick]").first.click()
        page.wait_for_load_state()
    expect(page.locator("body")).to_contain_text("finished")
    picture("playbook-done")

    page.goto(f"{case_url}?tab=messages")
    picture("messages")
    page.get_by_role("link", name="Candidate message, temporary issue").click()
    page.fill("[name=slot_feature]", "Reading your CV")
    page.fill("[name=recipients]", "candidates@lists.example")
    confirm(page, "Look at it")
    expect(page.locator("body")).to_contain_text("[eta]")
    expect(page.locator("body")).to_contain_text("This field is required")
    page.fill("[name=slot_eta]", "Mon 2 March 2026, 14:05 (Berlin)")
    page.fill("[name=slot_fallback_option]", "You can fill in your profile by hand.")
    confirm(page, "Look at it")
    picture("compose")
    confirm(page, "Send to 1 recipient")
    expect(page.locator("body")).to_contain_text("On its way to 1 recipient")
    tick(clock.now())
    assert "Reading your CV" in mail.outbox[-1].subject

    page.goto(case_url)
    step(page, "Stabilised")
    page.fill("[name=no_mitigation_reason]", "The parser recovered by itself.")
    confirm(page, "Stabilised")
    step(page, "Resolved")
    confirm(page, "Resolved")
    expect(page.locator(".case-head")).to_contain_text("resolved")

    step(page, "Close")
    page.fill("[name=cause]", "A codec library was updated.")
    page.fill("[name=fix_reference]", "release 42")
    confirm(page, "Close")
    expect(page.locator("body")).to_contain_text("Closing needs a postmortem")
    picture("close-refused")

    page.goto(f"{case_url}?tab=review")
    picture("review")
    page.get_by_role("button", name="Begin the postmortem").click()
    assert page.locator("textarea[name=timeline]").input_value().count("\n") > 3
    for box in page.locator("form textarea").all():
        if not box.input_value():
            box.fill("Written down.")
    picture("postmortem")
    confirm(page, "Keep it")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("body")).to_contain_text("published")
    picture("review-published")

    page.goto(case_url)
    step(page, "Close")
    page.fill("[name=cause]", "A codec library was updated.")
    page.fill("[name=fix_reference]", "release 42")
    confirm(page, "Close")
    expect(page.locator(".case-head")).to_contain_text("closed")
    picture("closed")
    assert Incident.objects.get(pk=incident.pk).state == "closed"
