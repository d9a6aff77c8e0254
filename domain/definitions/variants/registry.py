"""All runtime variants. A new one is a module here, a line below, and a member of Variant."""

from collections.abc import Mapping

from domain.definitions.layers import Tree
from domain.definitions.variants import (
    Variant,
    cmd,
    custom,
    echo,
    huggingface_tgi,
    llama_cpp,
    modular_max,
    nim,
    sglang,
    vllm,
)
from domain.definitions.variants.engine import Context, RuntimeVariant

MODULES = (vllm, sglang, nim, huggingface_tgi, modular_max, llama_cpp, cmd, echo, custom)
BY_VARIANT = {module.RUNTIME.variant: module for module in MODULES}
VARIANTS: Mapping[Variant, RuntimeVariant] = {v: m.RUNTIME for v, m in BY_VARIANT.items()}


def generate(variant: Variant, context: Context) -> Tree:
    """The draft that the variant makes of the revision's context: the layer VARIANT."""
    tree: Tree = BY_VARIANT[variant].generate(context)
    return tree
