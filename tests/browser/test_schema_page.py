"""The schema's pages in a real browser that runs no scripts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import visit
from tests.support.server import Running


@pytest.fixture
def page(browser: Browser, server: Running) -> Iterator[Page]:
    with visit(browser, server.url, expected=("status of 404",)) as page:
        yield page


def test_one_reads_from_a_query_to_its_type_to_an_older_version(page: Page) -> None:
    page.goto("/schema")
    page.get_by_role("link", name="modelDeployments", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("type Query")
    page.locator("#modelDeployments").get_by_role("link", name="ModelDeploymentConnection").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ModelDeploymentConnection")
    page.get_by_label("Versions").get_by_role("link", name="0.1.0").click()
    expect(page).to_have_url(page.url.partition("?")[0] + "?version=0.1.0")
    expect(page.get_by_label("Versions").locator("[aria-current]")).to_have_text("0.1.0")


def test_a_search_finds_a_field_and_leads_to_it(page: Page) -> None:
    page.goto("/schema?version=0.2.0")
    page.get_by_role("searchbox").fill("batchjobs")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Query.batchJobs", exact=True).click()
    expect(page.locator("#batchJobs")).to_be_in_viewport()
    expect(page.locator("#batchJobs")).to_contain_text("Added in 0.2.0")


def test_a_type_that_came_later_is_not_there_earlier(page: Page) -> None:
    page.goto("/schema/types/BatchJob")
    expect(page.get_by_role("heading", level=1)).to_contain_text("BatchJob")
    page.get_by_label("Versions").get_by_role("link", name="0.1.0").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("0.1.0 has no BatchJob")


def test_a_deprecation_is_seen_with_what_replaces_it(page: Page) -> None:
    page.goto("/schema/types/ModelDeployment")
    gone = page.locator("#replicas").get_by_role("row").filter(has_text="includeExited")
    expect(gone).to_contain_text("Use ModelReplicaFilter.isExited.")
    expect(gone).to_contain_text("Deprecated since")


def test_changes_are_shown_by_version(page: Page) -> None:
    page.goto("/schema/changes?version=0.2.0")
    expect(page.locator("[id='0.2.0']")).to_contain_text("BatchJob")
    versions = page.get_by_role("heading", level=2)
    expect(versions).to_contain_text(["0.2.0 released on", "0.1.0 released on"])


def test_nothing_runs_in_it(page: Page) -> None:
    page.goto("/schema/types/ModelDeployment")
    assert page.locator("script").count() == 0
