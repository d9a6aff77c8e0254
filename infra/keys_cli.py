"""`modelyard key`: who has the database may make keys; no server has to run."""

from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from domain.errors import InvalidValue, NotFound
from infra.output import AsJson, Config, DataDir, say, say_json, say_table

if TYPE_CHECKING:
    from domain.access.access import ApiKey, Role
    from domain.access.service import Access
    from domain.work import Reads

T = TypeVar("T")

ACTOR = "command-line"
PAGE = 100

key = typer.Typer(help="API keys.", no_args_is_help=True)


@key.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    project: Annotated[
        list[str] | None, typer.Option(help="PROJECT:ROLE; a role is viewer, editor or admin.")
    ] = None,
    server_admin: Annotated[bool, typer.Option(help="May do everything.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Make a key and show its token, this once."""
    if not project and not server_admin:
        raise InvalidValue(
            problem="Say what the key may do: --project NAME:ROLE or --server-admin."
        )
    made, token = _ran(_create(config, data_dir, name, project or [], server_admin))
    if as_json:
        say_json({"id": made.id, "name": made.name, "token": token})
    else:
        say(f"{token}\nThis is key {made.name} ({made.id}). Its token is not shown again.")


@key.command("ls")
def list_keys(as_json: AsJson = False, data_dir: DataDir = None, config: Config = None) -> None:
    """List the keys; the tokens are not kept."""
    rows = _ran(_list(config, data_dir))
    if as_json:
        say_json(rows)
    else:
        say_table([{column: _text(value) for column, value in row.items()} for row in rows])


@key.command()
def revoke(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="A key's id, or its name.")],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Revoke a key: it opens nothing any more, and what it has open ends within seconds."""
    revoked = _ran(_revoke(config, data_dir, wanted))
    say(f"Key {revoked.name} ({revoked.id}) is revoked.")


def _ran(doing: Coroutine[Any, Any, T]) -> T:
    import asyncio

    return asyncio.run(doing)


async def _create(
    config: Path | None, data_dir: Path | None, name: str, projects: list[str], server_admin: bool
) -> "tuple[ApiKey, str]":
    async with _opened(config, data_dir) as (access, reads):
        roles = dict([await _role(reads, each) for each in projects])
        return await access.create_key(ACTOR, name, roles, server_admin=server_admin)


async def _list(config: Path | None, data_dir: Path | None) -> list[dict[str, object]]:
    async with _opened(config, data_dir) as (_, reads):
        keys = [key async for key in _keys(reads)]
        known = await reads.projects.by_ids({project for key in keys for project in key.roles})
        names = {project.id: project.name for project in known.values()}
        return [_row(key, names) for key in keys]


async def _revoke(config: Path | None, data_dir: Path | None, wanted: str) -> "ApiKey":
    async with _opened(config, data_dir) as (access, reads):
        found = [each async for each in _keys(reads) if wanted in (each.id, each.name)]
        if not found:
            raise NotFound(kind="key", id=wanted)
        live = [each for each in found if each.revoked_at is None] or found[:1]
        if len(live) > 1:
            ids = ", ".join(each.id for each in live)
            raise InvalidValue(problem=f"Several keys are named {wanted!r}: name an id ({ids}).")
        return await access.revoke_key(ACTOR, live[0].id)


@asynccontextmanager
async def _opened(
    config: Path | None, data_dir: Path | None
) -> "AsyncIterator[tuple[Access, Reads]]":
    from infra import logs, settings, wiring

    loaded = settings.load(config, data_dir=data_dir)
    logs.configure("error")
    async with wiring.running(loaded) as parts:
        yield parts.services.access, parts.store.reads


async def _role(reads: "Reads", written: str) -> "tuple[str, Role]":
    from domain.access.access import Role

    name, _, role = written.rpartition(":")
    try:
        meant = Role(role)
    except ValueError as error:
        problem = f"{written!r} is not PROJECT:ROLE with one of {', '.join(Role)}."
        raise InvalidValue(problem=problem) from error
    project = await reads.projects.named(name)
    if project is None:
        raise NotFound(kind="project", id=name)
    return project.id, meant


async def _keys(reads: "Reads") -> "AsyncIterator[ApiKey]":
    from domain.listing import Listing

    listing = Listing(first=PAGE)
    while True:
        page = await reads.keys.page(listing)
        for each in page.items:
            yield each
        if not page.has_next:
            return
        last = page.items[-1]
        listing = Listing(first=PAGE, after=(last.created_at, last.id))


def _row(key: "ApiKey", names: Mapping[str, str]) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "token": f"{key.prefix}…",
        "server_admin": key.server_admin,
        "projects": {names.get(each, each): role.value for each, role in key.roles.items()},
        "created": key.created_at.isoformat(timespec="seconds"),
        "revoked": key.revoked_at and key.revoked_at.isoformat(timespec="seconds"),
    }


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict():
            return " ".join(f"{name}:{role}" for name, role in value.items())
        case _:
            return str(value)
