"""Which file of a model folder is a definition's layer, and what it means that there is none."""

from domain.definitions.findings import shown
from domain.definitions.layers import LayerKind
from domain.definitions.variants import Variant
from domain.errors import DefinitionError

DEFAULT_NAMES = ("model-definition.yaml", "model-definition.yml", "model-definition.toml")


def candidates(variant: Variant, path: str | None, *, override: bool) -> tuple[str, ...]:
    """The files to try, in this order; the first that exists is the layer FOLDER. None: open none.

    `path` is the input's definition path, `override` whether a definition file may override the
    variant. Raises DefinitionError, DEFINITION_FILE_NOT_USED, for a path that would not be read.
    """
    if variant is Variant.CUSTOM or override:
        return DEFAULT_NAMES if path is None else (path,)
    if path is not None:
        says = f"{shown(path)} would not be read: enableModelDefinitionOverride is off for {variant.value}."
        raise DefinitionError(
            kind="DEFINITION_FILE_NOT_USED", layer=LayerKind.FOLDER, value=path, problem=says
        )
    return ()


def absent(variant: Variant, path: str | None) -> None:
    """No candidate exists. Raises DefinitionError, DEFINITION_NOT_FOUND, where one has to."""
    if path is not None:
        says = f"There is no file {shown(path)} in the model folder."
    elif variant is Variant.CUSTOM:
        says = f"The variant custom needs a definition file; there is none of {', '.join(DEFAULT_NAMES)}."
    else:
        return
    raise DefinitionError(
        kind="DEFINITION_NOT_FOUND", layer=LayerKind.FOLDER, value=path, problem=says
    )
