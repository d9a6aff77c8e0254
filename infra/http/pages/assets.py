"""The files that pages load, each under a name that changes with its content, so that a browser asks
once: what `make pages` built from `console/graphiql/`, and the few of `own/`."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

PATH = "/graphql/assets/"
HERE = Path(__file__).parent
BUILT = HERE / "assets"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    file: Path
    media_type: str

    @property
    def is_gzipped(self) -> bool:
        return self.file.suffix == ".gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """`graphiql` is None where the pages are not built; `own` has the addresses of our own files."""

    files: Mapping[str, Asset]
    own: Mapping[str, str]
    graphiql: Mapping[str, str] | None

    @classmethod
    def load(cls, built: Path = BUILT) -> "Assets":
        own = {file.name: _hashed(file) for file in sorted((HERE / "own").iterdir())}
        files = {name: _asset(HERE / "own" / of, name) for of, name in own.items()}
        files |= {file.stem: _asset(file, file.stem) for file in built.glob("*.gz")}
        manifest = built / "manifest.json"
        begins = orjson.loads(manifest.read_bytes())["graphiql"] if manifest.exists() else None
        return cls(
            files=files,
            own={of: PATH + name for of, name in own.items()},
            graphiql=begins and {of: PATH + name for of, name in begins.items()},
        )

    async def serve(self, request: Request) -> Response:
        name = request.path_params["name"]
        asset = self.files.get(name)
        if asset is None:
            return PlainTextResponse("Not Found", 404, {"Cache-Control": "no-store"})
        wants = "gzip" in request.headers.get("accept-encoding", "").lower()
        headers = {
            "Cache-Control": FOREVER,
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }
        zipped = asset.is_gzipped and wants
        etag = f'"{name}{".gz" if zipped else ""}"'
        headers["ETag"] = etag
        if asset.is_gzipped:
            headers["Vary"] = "Accept-Encoding"
        if _knows(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        content = await asyncio.to_thread(_content, asset, unzip=not wants)
        if zipped:
            headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(content))
        body = b"" if request.method == "HEAD" else content
        return Response(body, headers=headers, media_type=asset.media_type)


def _hashed(file: Path) -> str:
    return f"{file.stem}-{sha256(file.read_bytes()).hexdigest()[:12]}{file.suffix}"


def _asset(file: Path, name: str) -> Asset:
    return Asset(file, TYPES[Path(name).suffix])


def _knows(if_none_match: str, etag: str) -> bool:
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return etag in known or "*" in known


def _content(asset: Asset, *, unzip: bool) -> bytes:
    content = asset.file.read_bytes()
    return gzip.decompress(content) if asset.is_gzipped and unzip else content
