"""The definition file of a model folder: found, read and parsed, with an error for everything else."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from domain.definitions.layers import Layer, LayerKind, Tree, WrittenLayer
from domain.definitions.ports import DefinitionParser
from domain.errors import DefinitionError, FileTooLarge, OutsideFolder, StorageUnavailable
from domain.folders.ports import FolderFiles

LIMIT = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionFile:
    """`tree` is what the parser made of it: its own spelling."""

    name: str
    text: str
    sha256: str
    tree: Tree

    def layer(self) -> Layer:
        return Layer(kind=LayerKind.FOLDER, tree=self.tree)

    def written(self) -> WrittenLayer:
        return WrittenLayer(
            kind=LayerKind.FOLDER, source=self.name, text=self.text, sha256=self.sha256
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionFiles:
    files: FolderFiles
    parser: DefinitionParser

    async def find(self, uri: str, names: Sequence[str]) -> DefinitionFile | None:
        """The first of `names` beneath the folder; raises a DefinitionError where it can't be used."""
        for name in names:
            content = await self._read(uri, name)
            if content is not None:
                return self.parsed(name, content)
        return None

    def parsed(self, name: str, content: bytes) -> DefinitionFile:
        tree = self.parser.parse(name, content)
        return DefinitionFile(
            name=name,
            text=content.decode("utf-8-sig"),
            sha256=sha256(content).hexdigest(),
            tree=tree,
        )

    async def _read(self, uri: str, name: str) -> bytes | None:
        try:
            return await self.files.read(uri, name, LIMIT)
        except FileTooLarge as error:
            raise _refusal("DEFINITION_TOO_LARGE", name, error.message) from error
        except OutsideFolder as error:
            raise _refusal("DEFINITION_UNREADABLE", name, error.message) from error
        except StorageUnavailable as error:
            raise _refusal("DEFINITION_UNREADABLE", name, error.message, retryable=True) from error


def _refusal(kind: str, value: str, problem: str, *, retryable: bool = False) -> DefinitionError:
    return DefinitionError(
        kind=kind,
        layer=LayerKind.FOLDER.value,
        value=value,
        problem=problem,
        retryable=retryable,
    )
