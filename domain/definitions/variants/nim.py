"""NVIDIA NIM: https://docs.nvidia.com/nim/large-language-models/latest/

The image starts itself and listens on 8000 (NIM_SERVER_PORT).
"""

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context, RuntimeVariant, draft

RUNTIME = RuntimeVariant(
    variant=Variant.NIM,
    description="An NVIDIA NIM image, started by its own command.",
    model_name="nim-model",
    port=8000,
    health_path="/v1/health/ready",
)


def generate(context: Context) -> Tree:
    return draft(RUNTIME, context)
