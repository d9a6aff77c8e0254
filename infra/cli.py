"""The `modelyard` command. What a command needs is imported when it runs."""

import sys
from typing import Annotated

import typer

from domain.errors import ModelyardError
from infra import echo_cli, fetch_cli, keys_cli, pod_cli, settings_cli
from infra.commands import deploy, deployments, documents, logs, rollouts
from infra.commands.batch import batch
from infra.commands.events import events
from infra.commands.schema import schema
from infra.output import Config, DataDir, fail, say

cli = typer.Typer(
    name="modelyard",
    help="A control plane for self-hosted models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cli.add_typer(keys_cli.key, name="key")
cli.add_typer(schema, name="schema")
cli.add_typer(events, name="events")
cli.add_typer(rollouts.rollout, name="rollout")
cli.add_typer(batch, name="batch")
batch.command("worker", hidden=True)(pod_cli.worker)
cli.command("settings")(settings_cli.listed)
cli.command("documents")(documents.listed)
cli.command()(echo_cli.echo)
cli.command(hidden=True)(fetch_cli.fetch)


def main() -> None:
    """Whatever is refused on purpose is one line and exit code 1."""
    try:
        cli(prog_name="modelyard")
    except ModelyardError as error:
        fail(error.message)
    except KeyboardInterrupt:
        sys.exit(130)


def installed() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("modelyard")
    except PackageNotFoundError:
        return "0.1.0"


def _version(wanted: bool) -> None:
    if wanted:
        say(f"Modelyard {installed()}")
        raise typer.Exit


@cli.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A control plane for self-hosted models."""


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.")] = None,
    stop_replicas: Annotated[
        bool, typer.Option("--stop-replicas", help="End the replicas together with the server.")
    ] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Serve the API until it is stopped. Replicas live on, and the next start takes them over."""
    import gc

    gc.disable()  # what is imported now stays: the server collects again once it is ready
    from infra import settings

    loaded = settings.load(config, host=host, port=port, data_dir=data_dir)
    from infra import (
        logs,
        memory,
        serving,
    )  # most of the start's time: not where settings are wrong

    memory.keep_little()
    logs.configure(loaded.log_level)
    serving.run(loaded, installed(), stop_replicas=stop_replicas)


@cli.command()
def worker(data_dir: DataDir = None, config: Config = None) -> None:
    """Run batch jobs beside a server on the same database, until it is stopped."""
    from infra import settings

    loaded = settings.load(config, data_dir=data_dir)
    from infra import logs, memory, working

    memory.keep_little()
    logs.configure(loaded.log_level)
    working.run(loaded, installed())


@cli.command()
def migrate(
    to: Annotated[str, typer.Option(help="A revision; base leaves nothing.")] = "head",
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Take the database's schema to this version's."""
    import asyncio

    from infra import settings, wiring
    from infra.db import migrate as migration
    from infra.db.version import head

    loaded = settings.load(config, data_dir=data_dir)
    wiring.made(loaded.data_dir)
    asyncio.run(migration.migrate(loaded.database, to))
    say(f"The database is at {head() if to == 'head' else to}.")


@events.command()
def restored(data_dir: DataDir = None, config: Config = None) -> None:
    """Say that the database was restored from a backup: every cursor of before becomes unknown."""
    import asyncio

    from infra import settings, wiring

    async def renew() -> None:
        async with wiring.running(settings.load(config, data_dir=data_dir)) as parts:
            await parts.store.renew_epoch()

    asyncio.run(renew())
    say("The event log has a new epoch.")


for command in (
    deploy.deploy,
    deployments.ls,
    deployments.describe,
    deployments.revisions,
    deployments.scale,
    deployments.rm,
    rollouts.rollback,
    logs.logs,
):
    cli.command()(command)


if __name__ == "__main__":
    main()
