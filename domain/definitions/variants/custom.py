"""Whatever the model folder's definition file says."""

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context, RuntimeVariant

RUNTIME = RuntimeVariant(
    variant=Variant.CUSTOM,
    description="What the definition file in the model folder says; the file is required.",
)


def generate(context: Context) -> Tree:
    return {"models": [{"model_path": context.mount_path}]}
