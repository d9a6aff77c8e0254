import httpx

from domain.access.access import Role
from domain.deployments.deployment import DeploymentStatus
from domain.deployments.replica import Endpoint
from tests.support.builders import NOON, a_project
from tests.support.server import ToyApp
from tests.support.serving import a_served
from tests.support.watching import known


async def test_deployments_are_listed_as_models(app: ToyApp, client: httpx.AsyncClient) -> None:
    await a_served(app.store, "talk", [])
    await a_served(app.store, "chat", [1])
    pending = await a_served(app.store, "pending", [])
    await pending.put(status=DeploymentStatus.PENDING)
    gone = await a_served(app.store, "gone", [1])
    await gone.put(status=DeploymentStatus.STOPPING)
    await known(app)
    answer = await client.get("/models")
    created = int(NOON.timestamp())
    assert answer.json() == {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": created, "owned_by": "modelyard"}
            for name in ("chat", "talk")
        ],
    }


async def test_each_further_model_has_a_name_of_its_own(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    served = await a_served(app.store, "chat", [1, 2])
    endpoints = tuple(
        Endpoint(model=name, host="127.0.0.1", port=1) for name in ("main", "meta/judge")
    )
    for replica in served.replicas:
        await served.becomes(replica, replica.status, endpoints=endpoints)
    await known(app)
    listed = (await client.get("/models")).json()["data"]
    assert [model["id"] for model in listed] == ["chat", "chat/meta/judge"]


async def test_a_model_is_found_by_every_name_that_may_be_asked(
    app: ToyApp, client: httpx.AsyncClient
) -> None:
    served = await a_served(app.store, "chat", [1])
    await served.revision(3, [2], weight=0)
    await known(app)
    wanted = ["chat", "chat@1", "chat@3", "chat/echo-model", "chat@3/echo-model"]
    found = [(await client.get(f"/models/{name}")).json() for name in wanted]
    assert [model["id"] for model in found] == wanted
    for name in ("nobody", "chat@2", "chat/nobody", "No Name"):
        answer = await client.get(f"/models/{name}")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "model_not_found"


async def test_who_has_no_part_in_a_project_sees_none_of_its_models(app: ToyApp) -> None:
    theirs = a_project(name="theirs")
    async with app.store.start_work("test", "test") as work:
        await work.projects.add(theirs)
    mine = await app.key("mine", **{app.store.default.id: Role.VIEWER})
    headers = {"authorization": f"Bearer {mine}"}
    await a_served(app.store, "secret", [1], theirs)
    await known(app)
    async with httpx.AsyncClient(base_url=app.url, headers=headers) as client:
        assert (await client.get("/v1/models")).json()["data"] == []
        assert (await client.get("/v1/models/secret")).status_code == 404
        named = {"x-modelyard-project": "theirs"}
        assert (await client.get("/v1/models", headers=named)).status_code == 404


async def test_models_are_asked_with_get(client: httpx.AsyncClient) -> None:
    answer = await client.post("/models")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
