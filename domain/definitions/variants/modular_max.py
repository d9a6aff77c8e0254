"""Modular MAX: https://docs.modular.com/max/cli/serve

`max serve` has no --host: the address is the setting MAX_SERVE_HOST.
"""

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context, RuntimeVariant, draft

RUNTIME = RuntimeVariant(
    variant=Variant.MODULAR_MAX,
    description="Modular's MAX server.",
    model_name="max-model",
    port=8000,
    health_path="/health",
    start_command="MAX_SERVE_HOST={host} max serve --model {model_path} --port {port}",
)


def generate(context: Context) -> Tree:
    return draft(RUNTIME, context)
