"""Whether the definition file of a revision's folder has changed since it was read."""

from dataclasses import replace

from domain.definitions import compare
from domain.definitions.drift import Drift, DriftStatus
from domain.definitions.folder_file import DefinitionFile, DefinitionFiles
from domain.definitions.layers import Layer, LayerKind, WrittenLayer
from domain.definitions.sources import DEFAULT_NAMES
from domain.deployments.deployment import Revision
from domain.errors import DefinitionError, Refused


async def recheck(revision: Revision, files: DefinitionFiles, *, folder_exists: bool) -> Drift:
    then = next((w for w in revision.layers if w.kind is LayerKind.FOLDER), None)
    use = revision.folder
    if then is None or use is None:
        return Drift(status=DriftStatus.NOT_USED)
    if not folder_exists:
        return Drift(status=DriftStatus.FOLDER_DELETED, sha256_then=then.sha256)
    try:
        names = (use.file,) if use.file else DEFAULT_NAMES
        found = await files.find(use.uri, names)
    except DefinitionError as error:
        return Drift(status=DriftStatus.UNREADABLE, sha256_then=then.sha256, problem=error.message)
    if found is None:
        status = DriftStatus.UNCHANGED if then.text is None else DriftStatus.FILE_DELETED
        return Drift(status=status, sha256_then=then.sha256)
    return _changed(then, found, files)


def _changed(then: WrittenLayer, found: DefinitionFile, files: DefinitionFiles) -> Drift:
    if found.sha256 == then.sha256:
        return Drift(status=DriftStatus.UNCHANGED, sha256_then=then.sha256, sha256_now=found.sha256)
    changed = Drift(status=DriftStatus.CHANGED, sha256_then=then.sha256, sha256_now=found.sha256)
    before = files.parsed(then.source, then.text.encode()).layer() if then.text else NOTHING
    try:
        return replace(changed, differences=compare.drift(before, found.layer()))
    except Refused as refused:  # the file as it stands now would be no layer
        return replace(changed, problem=refused.message)


NOTHING = Layer(kind=LayerKind.FOLDER, tree={})
