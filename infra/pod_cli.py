"""`modelyard batch worker`: what runs beside the engine in a pod of a Kubernetes Job."""

from pathlib import Path
from typing import Annotated

import typer


def worker(
    server: Annotated[str, typer.Option(help="Where the control plane is.")],
    token_file: Annotated[
        Path, typer.Option(help="What it shows there; read anew when it ran out.")
    ],
    batch: Annotated[str, typer.Option(help="The job's id.")],
    name: Annotated[str, typer.Option(help="The worker's name: its pod's.")],
    engine: Annotated[str, typer.Option(help="The engine's base URL, without /v1.")],
    revision: Annotated[int, typer.Option(help="The number of the revision that the engine runs.")],
    model: Annotated[str | None, typer.Option(help="The engine's name of the model.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Requests at a time.")] = 256,
    ready_path: Annotated[
        str | None, typer.Option(help="Asked until the engine is ready; none: its port is.")
    ] = None,
    ready_status: Annotated[int, typer.Option(help="What it answers then.")] = 200,
    done: Annotated[
        Path | None, typer.Option(help="Written when the work is over: the engine then ends, too.")
    ] = None,
) -> None:
    """Work on one batch job over the control plane's HTTP; 0 when nothing of it is left."""
    from infra import logs, pod_working
    from infra.settings import LogLevel

    logs.configure(LogLevel.INFO)
    post = pod_working.Post(
        server=server,
        token=token_file,
        batch_id=batch,
        name=name,
        engine=engine.rstrip("/"),
        model=model,
        revision=revision,
        most=most,
        ready_path=ready_path,
        ready_status=ready_status,
        done=done,
    )
    raise typer.Exit(pod_working.run(post))
