"""Queries from the database, against a hand-written endpoint that sends the same bytes."""

from typing import Any

from benchmarks.calls import Call
from benchmarks.measure import Ratio, compared
from benchmarks.reference import Reference
from benchmarks.world import world
from schema.relay import global_id

PAGE = """query Page($first: Int!) {
  modelDeployments(first: $first) {
    edges {
      cursor
      node {
        id name status desiredReplicas createdAt
        activeRevision { id number digest }
        revisions(first: 3) {
          edges { node {
            id number digest note runtimeVariant createdAt
            replicas(first: 4) {
              edges { node { id status statusSince statusReason statusMessage createdAt } }
              pageInfo { hasNextPage }
            }
          } }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
TINY = "query Tiny($id: ID!) { modelDeployment(id: $id) { id name status } }"


async def page() -> Ratio:
    return await _read(
        "page",
        "10 deployments × 3 revisions × 4 replicas",
        "/page",
        PAGE,
        {"first": 10},
        bar=1.25,
        acts=10,
    )


async def tree() -> Ratio:
    return await _read(
        "tree",
        "100 deployments × 3 revisions × 4 replicas",
        "/page",
        PAGE,
        {"first": 100},
        bar=1.2,
        acts=3,
    )


async def tiny() -> Ratio:
    return await _read(
        "tiny", "one deployment by id, three fields", "/tiny", TINY, {}, bar=1.5, acts=30
    )


async def _read(
    name: str, what: str, path: str, query: str, said: dict[str, Any], *, bar: float, acts: int
) -> Ratio:
    async with world() as server:
        made = [
            await server.deployment(f"chat-{number}", revisions=4, replicas=4)
            for number in range(said.get("first", 1) + 1)
        ]
        if path == "/tiny":
            said = {"id": global_id("ModelDeployment", made[0].id)}
        ours = Call.of(server.asgi, "/graphql", server.token, query, **said)
        reference = Call.of(Reference(server.engines).app(), path, server.token, query, **said)
        assert await ours() == await reference()
        assert await ours() == await reference()  # the second time it is compiled
        return await compared(name, what, ours, reference, bar=bar, acts=acts, rounds=40)
