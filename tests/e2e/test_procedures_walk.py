"""A day of lists and a deployment with its way back, worked in a browser (SC-30, SC-24)."""

from collections.abc import Callable

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.loader import load
from config.casework.work.services import tick
from incidents.deployments.models import Deployment
from incidents.procedures.choices import RunState, Stage
from incidents.procedures.models import Run, RunStep
from tests import factories
from tests.e2e.test_walk import confirm, sign_in, step

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1366, "height": 850}


@pytest.fixture
def cto() -> User:
    person = factories.person(Role.CTO, name="Lea Lead", email="lea@example.com")
    factories.person(Role.CEO, name="Carl Chief", email="carl@example.com")
    load(sorted((settings.BASE_DIR / "config" / "runbooks").glob("*.yaml")), at=clock.now())
    tick(clock.now())
    return person


@pytest.fixture
def shown(quiet_page: Page, picture: Callable[[str], None]) -> Callable[[str], None]:
    """Pictures of a page on a desk and on a phone, light and dark; nothing may be wider than the phone."""

    def take(name: str) -> None:
        for size, words in ((DESK, "desk"), (PHONE, "phone")):
            quiet_page.set_viewport_size(size)  # type: ignore[arg-type]
            for scheme in ("light", "dark"):  # as the switch of the skin does it, without losing what was typed
                quiet_page.evaluate(
                    f"document.documentElement.classList.toggle('dark', {str(scheme == 'dark').lower()})"
                )
                picture(f"{name}-{words}-{scheme}")
            width = quiet_page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{name} is {width} px wide"
        quiet_page.evaluate("document.documentElement.classList.remove('dark')")
        quiet_page.set_viewport_size(DESK)  # type: ignore[arg-type]

    return take


def tick_all(page: Page) -> None:
    while page.locator("button.run__tick").count():
        page.locator("button.run__tick").first.click()
        page.wait_for_load_state()


def test_the_morning_list_is_worked_with_one_thumb(
    live_server: LiveServer, quiet_page: Page, shown: Callable[[str], None], cto: User
) -> None:
    page = quiet_page
    sign_in(page, live_server, cto)
    page.goto(f"{live_server.url}/admin/incidents/run/today/")
    shown("today")
    page.get_by_role("link", name="Morning health check").click()
    page.locator("button.run__tick").first.click()
    expect(page.locator("body")).to_contain_text("1 of 7 steps settled")
    second = page.locator(".run__step").nth(1)
    second.locator("summary").click()
    second.locator("textarea[name=reason]").fill("No audit ran at night")
    second.get_by_role("button", name="Skip this step").click()
    third = page.locator(".run__step").nth(2)
    third.locator("summary").click()
    third.locator("textarea[name=note]").fill("Two jobs hang since 4")
    third.get_by_role("button", name="It failed").click()
    expect(page.locator("body")).to_contain_text("Skipped: No audit ran at night")
    shown("list")
    tick_all(page)
    run = Run.objects.get(procedure__key="qa-morning")
    assert run.state == RunState.FINISHED
    page.goto(f"{live_server.url}/admin/incidents/run/readiness/")
    item = page.locator(".run__step").first
    item.locator("summary", has_text="Prove it").click()
    item.locator("input[name=evidence]").fill("https://wiki.example/rota")
    item.get_by_role("button", name="Done").click()
    expect(page.locator("body")).to_contain_text("1 of 6 are proven")
    shown("readiness")
    page.goto(f"{live_server.url}/admin/incidents/run/report/")
    expect(page.locator("body")).to_contain_text("Newest audits move along")
    shown("report")


def test_a_deployment_is_refused_carried_through_and_taken_back(
    live_server: LiveServer, quiet_page: Page, shown: Callable[[str], None], cto: User
) -> None:
    page = quiet_page
    sign_in(page, live_server, cto)
    page.goto(f"{live_server.url}/admin/incidents/deployment/add/")
    page.select_option("[name=system]", label="JobSentinel")
    page.fill("[name=version_tag]", "v0.6.0")
    page.fill("[name=previous_version]", "v0.5.0")
    page.locator("form.sheet button[type=submit], .sheet button[type=submit]").first.click()
    deployment = Deployment.objects.get()
    url = f"{live_server.url}/admin/incidents/deployment/{deployment.pk}/change/"
    page.goto(f"{url}?tab=steps")
    for _number in range(4):
        page.locator("button.run__tick").first.click()
        page.wait_for_load_state()
    page.locator(".case-head").locator("summary", has_text="More").click()
    expect(page.locator(".case-head")).to_contain_text("Missing: An on-call engineer is at hand")
    page.goto(f"{url}?tab=steps")
    page.locator("button.run__tick").first.click()
    step(page, "Start the deployment")
    if page.url.endswith("/step/start/"):
        confirm(page, "Start the deployment")
    page.goto(f"{url}?tab=steps")
    shown("deployment")
    page.locator(".run__step", has_text="Restart API").locator("button.run__tick").click()
    expect(page.locator("body")).to_contain_text("These steps are done in order")
    for row in RunStep.objects.filter(run__deployment=deployment, run__stage=Stage.STEPS).order_by("position")[:11]:
        row.refresh_from_db()
        RunStep.objects.filter(run=row.run_id).filter(extra__has_key="wait").update(extra={})  # nobody waits in a test
        page.locator(f"#step-{row.run_id}-{row.position} button.run__tick").click()
        page.wait_for_load_state()
    smoke = page.locator(".run__step", has_text="Smoke tests")
    smoke.locator("summary").click()
    smoke.locator("textarea[name=note]").fill("2 of 40 are red")
    smoke.get_by_role("button", name="It failed").click()
    expect(page.locator("body")).to_contain_text("A check failed")
    shown("failed")
    page.locator(".consequence").get_by_role("link", name="Start rollback").click()
    page.fill("[name=rollback_reason]", "critical bug")
    confirm(page, "Start rollback")
    page.goto(f"{url}?tab=steps")
    expect(page.locator("body")).to_contain_text("git checkout v0.5.0")
    expect(page.locator(".case-head")).to_contain_text("finish the way back within")
    shown("rollback")
    for row in RunStep.objects.filter(run__deployment=deployment, run__stage=Stage.ROLLBACK).order_by("position"):
        page.locator(f"#step-{row.run_id}-{row.position} button.run__tick").click()
        page.wait_for_load_state()
    page.goto(url)
    expect(page.locator("body")).to_contain_text("of 5 min: kept")
    shown("rolled-back")


def test_a_breach_is_reported_and_its_order_kept(
    live_server: LiveServer, quiet_page: Page, shown: Callable[[str], None], cto: User
) -> None:
    page = quiet_page
    sign_in(page, live_server, cto)
    page.goto(f"{live_server.url}/admin/incidents/run/breach/")
    page.select_option("[name=procedure]", index=1)
    page.fill("[name=title]", "Strange logins at night")
    page.check("[name=personal_data]")
    shown("breach")
    page.get_by_role("button", name="Open the case").click()
    expect(page.locator("body")).to_contain_text("Secure logs and evidence")
    shown("breach-case")
