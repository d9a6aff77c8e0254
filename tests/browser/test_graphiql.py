"""GraphiQL in a real browser, from the package alone."""

import json
from hashlib import sha256
from pathlib import Path

from playwright.sync_api import Browser, Request, expect

from tests.support.browser import visit
from tests.support.graphiql import GraphiQL, asks_for_the_schema
from tests.support.server import Running, ask, running

VERSION = "{ apiVersion }"
WATCH = """subscription Watch($after: String) {
  events(after: $after) { __typename ... on DeploymentCreated { deployment { name } } }
}"""
CREATE = """mutation ($name: String!) {
  createModelDeployment(input: {name: $name}) { deployment { id } userErrors { message } }
}"""
Guarded = tuple[Running, str]


def test_a_query_is_answered(browser: Browser, server: Running) -> None:
    with visit(browser, server.url) as page:
        graphiql = GraphiQL(page)
        graphiql.open(VERSION)
        graphiql.run()
        graphiql.shows('"data": { "apiVersion": "')
        expect(graphiql.problem).to_have_count(0)
        expect(page.get_by_label("API key")).to_have_count(0)


def test_a_field_that_is_not_there_is_underlined_as_it_is_written(
    browser: Browser, server: Running
) -> None:
    """So the editor's workers run, and know the schema."""
    with visit(browser, server.url) as page:
        GraphiQL(page).open("{ apiVersions_of_nothing }")
        expect(page.locator(".squiggly-error").first).to_be_attached()


def test_a_subscription_shows_an_event(browser: Browser, server: Running) -> None:
    cursor = ask(server, "{ eventCursor }")["eventCursor"]
    with visit(browser, server.url) as page:
        graphiql = GraphiQL(page)
        graphiql.open(WATCH, variables=f'{{"after": "{cursor}"}}')
        graphiql.run()
        ask(server, CREATE, {"name": "seen-in-a-browser"})
        graphiql.shows('"name": "seen-in-a-browser"')
        assert graphiql.said[0] == {"type": "connection_init", "payload": {}}


def test_another_version_is_another_schema(browser: Browser, server: Running) -> None:
    with visit(browser, server.url, expected=("status of 400",)) as page:
        graphiql = GraphiQL(page)
        graphiql.open("{ batchJobs(first: 1) { totalCount } apiVersion }")
        graphiql.run()
        graphiql.shows('"batchJobs"')

        graphiql.choose("0.1.0")
        expect(page.locator(".squiggly-error").first).to_be_attached()
        graphiql.run()
        graphiql.shows("Cannot query field 'batchJobs' on type 'Query'")
        assert "apiVersion=0.1.0" in page.url

        graphiql.choose("0.2.0")
        graphiql.run()
        graphiql.shows('"apiVersion": "0.2.0"')


def test_the_address_names_the_version(browser: Browser, server: Running) -> None:
    with visit(browser, server.url) as page:
        graphiql = GraphiQL(page)
        graphiql.open(VERSION, apiVersion="0.1.0")
        expect(page.get_by_label("API version")).to_have_value("0.1.0")
        graphiql.run()
        graphiql.shows('"apiVersion": "0.1.0"')


def test_a_subscription_is_served_the_version_that_is_chosen(
    browser: Browser, server: Running
) -> None:
    cursor = ask(server, "{ eventCursor }")["eventCursor"]
    with visit(browser, server.url) as page:
        graphiql = GraphiQL(page)
        graphiql.open(WATCH, variables=f'{{"after": "{cursor}"}}', apiVersion="0.1.0")
        graphiql.run()
        ask(server, CREATE, {"name": "seen-as-of-then"})
        graphiql.shows('"name": "seen-as-of-then"')
        assert graphiql.said[0]["payload"] == {"apiVersion": "0.1.0"}
        assert graphiql.heard[0]["payload"] == {"apiVersion": "0.1.0"}


def test_documentation_tells_since_when_and_what_is_deprecated(
    browser: Browser, server: Running
) -> None:
    with visit(browser, server.url) as page:
        graphiql = GraphiQL(page)
        graphiql.open(VERSION)
        shown = graphiql.documentation("batchJobs", "Query.batchJobs")
        expect(shown).to_contain_text("Added in 0.2.0.")
        shown = graphiql.documentation("includeExited", "ModelDeployment.replicas")
        shown.get_by_text("Show Deprecated Arguments").click()
        expect(shown).to_contain_text("Use ModelReplicaFilter.isExited.")

        graphiql.choose("0.1.0")
        expect(shown).not_to_contain_text("Use ModelReplicaFilter.isExited.")


def test_without_a_key_it_asks_for_one_and_with_it_all_works(
    browser: Browser, guarded: Guarded
) -> None:
    server, key = guarded
    with visit(browser, server.url, expected=("status of 401",)) as page:
        graphiql = GraphiQL(page)
        graphiql.open(VERSION)
        expect(graphiql.problem).to_contain_text("Enter an API key")
        graphiql.run()
        graphiql.shows('"code": "UNAUTHENTICATED"')

        page.get_by_label("API key").fill(key)
        with page.expect_response(asks_for_the_schema):
            page.get_by_label("API key").press("Enter")
        expect(graphiql.problem).to_have_count(0)
        graphiql.run()
        graphiql.shows('"apiVersion": "')


def test_a_subscription_is_opened_with_the_key(browser: Browser, guarded: Guarded) -> None:
    server, key = guarded
    cursor = ask(server, "{ eventCursor }", key=key)["eventCursor"]
    with visit(browser, server.url, expected=("status of 401",)) as page:
        graphiql = GraphiQL(page)
        graphiql.open(WATCH, variables=f'{{"after": "{cursor}"}}')
        graphiql.run()
        graphiql.shows("The socket was closed: Forbidden (4403).")

        page.get_by_label("API key").fill(key)
        page.get_by_label("API key").press("Enter")
        page.get_by_label("Project").fill("default")
        page.get_by_label("Project").press("Enter")
        graphiql.run()
        ask(server, CREATE, {"name": "seen-with-a-key"}, key=key)
        graphiql.shows('"name": "seen-with-a-key"')
        opened = [each["payload"] for each in graphiql.said if each["type"] == "connection_init"]
        assert opened[-1] == {"authorization": f"Bearer {key}", "project": "default"}


def test_what_the_header_editor_says_goes_first(browser: Browser, guarded: Guarded) -> None:
    server, key = guarded
    with visit(browser, server.url, expected=("status of 401",)) as page:
        graphiql = GraphiQL(page)
        graphiql.open(VERSION, apiVersion="0.2.0")
        graphiql.write_headers({"Authorization": f"Bearer {key}", "X-Api-Version": "0.1.0"})
        graphiql.run()
        graphiql.shows('"apiVersion": "0.1.0"')


def test_a_key_outlives_a_reload_and_not_the_tab(browser: Browser, guarded: Guarded) -> None:
    server, key = guarded
    with visit(browser, server.url, expected=("status of 401",)) as page:
        graphiql = GraphiQL(page)
        graphiql.open(VERSION)
        page.get_by_label("API key").fill(key)
        page.get_by_label("API key").press("Enter")
        graphiql.write_headers({"Authorization": f"Bearer {key}"})
        graphiql.run()
        graphiql.shows('"apiVersion": "')
        page.reload()
        expect(page.get_by_label("API key")).to_have_value(key)

        assert page.evaluate("document.cookie") == ""
        assert page.evaluate("Object.keys(localStorage)") == []
        assert key not in page.url
        with page.context.expect_page() as opened:
            page.evaluate("window.open('/graphql', '_blank', 'noopener')")
        expect(opened.value.get_by_label("API key")).to_have_value("")


def test_a_schema_that_is_not_told_is_said_in_words(browser: Browser, tmp_path: Path) -> None:
    env = {"MODELYARD_INTROSPECTION": "nobody"}
    with (
        running(tmp_path / "data", env=env) as server,
        visit(browser, server.url, expected=("status of",)) as page,
    ):
        graphiql = GraphiQL(page)
        graphiql.open(VERSION)
        expect(graphiql.problem).to_contain_text("(INTROSPECTION_FORBIDDEN)")
        graphiql.run()
        graphiql.shows('"data": { "apiVersion": "')
        page.goto("/schema")
        expect(page.get_by_role("heading")).to_have_text("Not shown")


def test_where_only_listed_documents_run_it_says_so(browser: Browser, tmp_path: Path) -> None:
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({sha256(VERSION.encode()).hexdigest(): VERSION}))
    env = {"MODELYARD_TRUSTED_DOCUMENTS": str(manifest)}
    with (
        running(tmp_path / "data", env=env) as server,
        visit(browser, server.url, expected=("status of",)) as page,
    ):
        graphiql = GraphiQL(page)
        graphiql.open("{ __typename }")
        expect(graphiql.problem).to_contain_text("runs listed documents alone")
        graphiql.run()
        graphiql.shows("DOCUMENT_NOT_TRUSTED")


def test_everything_comes_from_the_server_and_is_kept(browser: Browser, server: Running) -> None:
    with visit(browser, server.url) as page:
        asked: list[Request] = []
        page.on("requestfinished", lambda request: asked.append(request))
        GraphiQL(page).open(VERSION)
        files = [each for each in asked if "/graphql/assets/" in each.url]
        assert files
        for each in files:
            response = each.response()
            assert response is not None
            assert "immutable" in response.headers["cache-control"]
