"""What stands above every page of the schema: where one is, the search, and the versions."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.http.pages.assets import Assets
from infra.http.pages.html import Content, Html, tag
from infra.http.pages.reference import Lifetime, Served
from infra.http.pages.shell import Page, address, plain_head


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """`path` is shown again, as another version has it, by the links to the versions."""

    assets: Assets
    served: Sequence[Served]
    version: str
    path: str
    search: str = ""

    def around(self, title: str, *body: Content) -> Page:
        return Page(
            title=f"{title} · Modelyard {self.version}",
            head=plain_head(self.assets),
            body=[self._header(), tag("main", body)],
        )

    def _header(self) -> Html:
        version = self.version
        return tag(
            "header",
            tag(
                "nav",
                tag(
                    "strong",
                    tag("a", "Modelyard's schema", href=address("/schema", version=version)),
                ),
                tag("a", "Changes", href=address("/schema/changes", version=version)),
                tag("a", "schema.graphql", href=address("/schema.graphql", version=version)),
                tag("a", "GraphiQL", href=address("/graphql", apiVersion=version)),
            ),
            tag(
                "form",
                tag("input", type="hidden", name="version", value=version),
                tag(
                    "input",
                    type="search",
                    name="search",
                    value=self.search,
                    placeholder="A type, a field, an argument",
                    aria_label="Search the schema",
                ),
                tag("button", "Search"),
                action="/schema",
                role="search",
            ),
            tag(
                "nav",
                tag("span", "As of "),
                [self._version(each) for each in self.served],
                class_="versions",
                aria_label="Versions",
            ),
        )

    def _version(self, served: Served) -> Html:
        until = served.supported_until
        said = f"released on {served.released_at}" if served.released_at else "not released yet"
        return tag(
            "a",
            served.version,
            href=address(self.path, version=served.version, search=self.search or None),
            title=said + (f", served until {until}" if until else ""),
            aria_current="page" if served.version == self.version else None,
        )


def badges(lifetime: Lifetime) -> Content:
    added = tag("span", f"Added in {lifetime.added}", class_="badge")
    if lifetime.deprecated is None:
        return added
    return [
        added,
        tag("span", f"Deprecated since {lifetime.deprecated}", class_="badge deprecated"),
    ]
