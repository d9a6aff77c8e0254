"""The layers of a resolution: what each author wrote, and no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Tree = Mapping[str, Any]
"""A draft, snake_case: {image, models, environment, resources}. Absent is not said, None is cleared.

`environment` maps a name to {"value": text} or {"secret": name}, None removes it; `resources` maps
a key to its quantity as text. In a file's layer the tree is what the parser made of the file: its
own spelling, and scalars as `reading.Written`.
"""


class LayerKind(StrEnum):
    """Lowest first, but for DEFAULT: that is what no layer said."""

    VARIANT = "variant"
    TEMPLATE = "template"
    FOLDER = "folder"
    REQUEST = "request"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One draft, ready to be laid over the lower ones."""

    kind: LayerKind
    tree: Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLayer:
    """A layer as its author wrote it, kept with the revision.

    `source` says where it came from ("vllm", "llama@3", "model-definition.yaml", "request");
    `text` is the file's own text, or canonical JSON for a layer that was no file; None for a layer
    that was looked for and said nothing. `sha256` is of the text, hex.
    """

    kind: LayerKind
    source: str
    text: str | None
    sha256: str | None
