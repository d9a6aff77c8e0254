"""`modelyard echo`: the demo engine as a command."""

from typing import Annotated

import typer


def echo(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8000,
    name: Annotated[str, typer.Option(help="The model's name.")] = "echo-model",
    model_path: Annotated[
        str | None, typer.Option(help="Taken for the sake of other engines' commands; not used.")
    ] = None,
    start_delay: Annotated[
        float, typer.Option(min=0, help="Seconds that it is not healthy for at first.")
    ] = 0.0,
    latency: Annotated[float, typer.Option(min=0, help="Seconds before each answer.")] = 0.0,
    tokens_per_second: Annotated[
        float, typer.Option(min=0, help="How fast streams are; 0 does not wait.")
    ] = 0.0,
    failure_rate: Annotated[
        float, typer.Option(min=0, max=1, help="The share of requests answered with 500.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Which requests those are.")] = 0,
    crash_after: Annotated[
        int | None, typer.Option(min=0, help="After so many requests the next ends the process.")
    ] = None,
) -> None:
    """Run the demo engine: it has no weights, echoes its input, and says so in every answer."""
    from infra.echo import serving
    from infra.echo.engine import Knobs

    knobs = Knobs(
        name=name,
        start_delay=start_delay,
        latency=latency,
        tokens_per_second=tokens_per_second,
        failure_rate=failure_rate,
        seed=seed,
        crash_after=crash_after,
    )
    serving.run(host, port, knobs)
