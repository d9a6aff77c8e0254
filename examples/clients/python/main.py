"""A deployment with a revision that serves, its events, and a batch on it. ./run [URL [KEY]]"""

import asyncio
import io
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol, TypeVar

from generated import (
    ActivateModelRevisionInput,
    AddModelRevisionInput,
    BatchEventsBatchJobEventsBatchJobStatusChanged,
    BatchJobStatus,
    BatchTarget,
    CreateBatchJobInput,
    CreateModelDeploymentInput,
    DeploymentEventsDeploymentEventsDeploymentStatusChanged,
    DeploymentStatus,
    FilePurpose,
    Modelyard,
    RuntimeVariant,
    Upload,
    UploadFileInput,
)
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

API_VERSION = "0.2.0"  # what the documents were written against
AGAIN = 0.25  # seconds between two tries
TRIES = 120
FINAL = {
    BatchJobStatus.COMPLETED,
    BatchJobStatus.FAILED,
    BatchJobStatus.EXPIRED,
    BatchJobStatus.CANCELLED,
}


class Seen(Protocol):
    cursor: str


class Refusal(Protocol):
    code: str
    message: str


class Payload(Protocol):
    @property
    def user_errors(self) -> Sequence[Refusal]: ...


E = TypeVar("E", bound=Seen)
P = TypeVar("P", bound=Payload)
T = TypeVar("T")


def connected(url: str, key: str | None) -> Modelyard:
    authorization = {"authorization": f"Bearer {key}"} if key else {}
    preflight = {"GraphQL-Require-Preflight": "true"}  # for forms, as uploads are
    return Modelyard(
        f"{url}/graphql",
        headers={"X-Api-Version": API_VERSION, **preflight, **authorization},
        ws_url=f"{url.replace('http', 'ws', 1)}/graphql",
        ws_connection_init_payload={"apiVersion": API_VERSION, **authorization},
    )


async def follow(
    subscribe: Callable[[str], AsyncIterator[T]], event: Callable[[T], E], after: str
) -> AsyncIterator[E]:
    """Every event behind the cursor, once and in order, until the caller has seen enough.

    A generated subscription ends alike where all is said and where a server leaves; so it is asked again.
    """
    failed = 0
    while True:
        try:
            async for said in subscribe(after):
                seen = event(said)
                failed, after = 0, seen.cursor
                yield seen
        except (ConnectionClosed, InvalidHandshake, OSError) as lost:
            failed += 1
            if failed > TRIES or is_refused(lost):
                raise
            print("The connection was lost; going on behind the last cursor.", file=sys.stderr)
        await asyncio.sleep(AGAIN)


def is_refused(lost: Exception) -> bool:
    """Closed with 44xx, or not let in: the same again would end the same way."""
    if isinstance(lost, ConnectionClosed):
        return lost.rcvd is not None and 4400 <= lost.rcvd.code < 4500
    return isinstance(lost, InvalidStatus) and lost.response.status_code < 500


async def serve(modelyard: Modelyard, name: str) -> str:
    wanted = CreateModelDeploymentInput(name=name, desired_replicas=1)
    deployment = there(
        done((await modelyard.create_deployment(wanted)).create_model_deployment).deployment
    )
    draft = AddModelRevisionInput(
        deployment_id=deployment.id, runtime_variant=RuntimeVariant.ECHO, note="from Python"
    )
    revision = there(done((await modelyard.add_revision(draft)).add_model_revision).revision)
    choice = ActivateModelRevisionInput(revision_id=revision.id)
    done((await modelyard.activate_revision(choice)).activate_model_revision)
    print(f"Deployment {deployment.name}: revision {revision.number} activated.")
    return deployment.id


async def follow_deployment(modelyard: Modelyard, id: str, after: str) -> None:
    events = follow(
        lambda cursor: modelyard.deployment_events(id, cursor),
        lambda said: said.deployment_events,
        after,
    )
    async for event in events:
        print(f"  {event.typename__}")
        match event:
            case DeploymentEventsDeploymentEventsDeploymentStatusChanged(
                status_after=DeploymentStatus.READY
            ):
                return


async def run_batch(
    modelyard: Modelyard, deployment: str, questions: Sequence[str], after: str
) -> str:
    content = "\n".join(line(question, deployment) for question in questions).encode()
    file = Upload("questions.jsonl", io.BytesIO(content), "application/jsonl")
    sent = await modelyard.upload_file(UploadFileInput(file=file, purpose=FilePurpose.BATCH))
    uploaded = there(done(sent.upload_file).file)
    wanted = CreateBatchJobInput(
        input_file_id=uploaded.id,
        endpoint="/v1/chat/completions",
        target=BatchTarget.DEPLOYMENT,
        deployment=deployment,
    )
    job = there(done((await modelyard.create_batch(wanted)).create_batch_job).batch_job)
    events = follow(
        lambda cursor: modelyard.batch_events(job.id, cursor),
        lambda said: said.batch_job_events,
        after,
    )
    async for event in events:
        if isinstance(event, BatchEventsBatchJobEventsBatchJobStatusChanged):
            print(f"  batch {event.job_status_after.value}")
            if event.job_status_after in FINAL:
                break
    return job.id


async def read_results(modelyard: Modelyard, id: str) -> None:
    after: str | None = None
    more = True
    while more:
        job = there((await modelyard.batch_results(id, after)).batch_job)
        page = there(job.results)
        for result in page.nodes:
            print(f"  {result.custom_id}: {there(result.response).status_code}")
        more, after = page.page_info.has_next_page, page.page_info.end_cursor
    print(f"{job.counts.completed} of {job.counts.total} completed.")


def line(question: str, model: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    request = {"custom_id": question, "method": "POST", "url": "/v1/chat/completions"}
    return json.dumps({**request, "body": body})


def done(payload: P | None) -> P:
    answered = there(payload)
    if answered.user_errors:
        sys.exit("; ".join(f"{error.code}: {error.message}" for error in answered.user_errors))
    return answered


def there(value: T | None) -> T:
    if value is None:
        sys.exit("The server left out what was asked for.")
    return value


async def main(url: str = "http://127.0.0.1:8400", key: str | None = None) -> None:
    name = f"python-{int(time.time()):x}"
    async with connected(url, key) as modelyard:
        start = await modelyard.event_cursor()
        print(f"The API answers as of {start.api_version}.")
        deployment_id = await serve(modelyard, name)
        await follow_deployment(modelyard, deployment_id, start.event_cursor)
        batch_id = await run_batch(modelyard, name, ["a", "b", "c"], start.event_cursor)
        await read_results(modelyard, batch_id)
        await hung_up()


async def hung_up() -> None:
    """Subscriptions that were left are closed by the loop, which must not end before they are."""
    await asyncio.sleep(0)
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(left)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
