"""What is asked for when a revision is previewed or added."""

from dataclasses import dataclass, field

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant

MOUNT_PATH = "/models"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderChoice:
    folder_id: str
    mount_path: str = MOUNT_PATH
    definition_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChoice:
    """No version: the newest active one."""

    name: str
    version: int | None = None
    overrides: Tree = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRequest:
    """`draft` is what the user said of the definition itself, snake_case: any of image,
    model_definition ({models}), startup_command, environment (a list of {name, value | secret})
    and resources. A key that is absent was not said, null clears.
    """

    deployment_id: str
    runtime_variant: Variant | None = None
    model_folder: FolderChoice | None = None
    template: TemplateChoice | None = None
    draft: Tree = field(default_factory=dict)
    enable_model_definition_override: bool | None = None  # None: the server's setting
    activate: bool = False
    note: str = ""
    idempotency_key: str | None = None
    expected_etag: str | None = None
