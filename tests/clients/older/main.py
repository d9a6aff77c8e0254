"""A client generated from 0.1.0: main.py URL NAME AFTER [VERSION]; prints the types that it heard of."""

import asyncio
import sys

from generated import (
    AddModelRevisionInput,
    CreateModelDeploymentInput,
    DeploymentDeploymentEventsDeploymentStatusChanged,
    DeploymentStatus,
    EverythingEventsRolloutSucceeded,
    Modelyard,
    RuntimeVariant,
)


async def main(url: str, name: str, after: str, version: str = "") -> None:
    headers = {"X-Api-Version": version} if version else {}
    said = {"apiVersion": version} if version else None
    client = Modelyard(
        f"{url}/graphql",
        headers=headers,
        ws_url=f"{url.replace('http', 'ws', 1)}/graphql",
        ws_connection_init_payload=said,
    )
    async with client:
        start = await client.start()
        print(f"version {start.api_version}")
        wanted = CreateModelDeploymentInput(name=name, desired_replicas=1)
        made = (await client.create(wanted)).create_model_deployment
        assert made is not None and made.deployment is not None, made
        draft = AddModelRevisionInput(
            deployment_id=made.deployment.id, runtime_variant=RuntimeVariant.ECHO, activate=True
        )
        added = (await client.add(draft)).add_model_revision
        assert added is not None and added.revision is not None, added
        async for event in client.deployment(made.deployment.id, start.event_cursor):
            match event.deployment_events:
                case DeploymentDeploymentEventsDeploymentStatusChanged(
                    status_after=DeploymentStatus.READY
                ):
                    break
        state = await client.state(made.deployment.id)
        print(f"node {state.node and state.node.typename__} READY")
        async for heard in client.everything(after):
            print(f"heard {heard.events.typename__}")
            match heard.events:
                case EverythingEventsRolloutSucceeded(deployment_id=made.deployment.id):
                    break
        await hung_up()


async def hung_up() -> None:
    """Subscriptions that were left are closed by the loop; one that ends meanwhile complains."""
    await asyncio.sleep(0)
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left)


asyncio.run(main(*sys.argv[1:]))
