"""Our demo engine: deterministic, no weights; it says so in every answer."""

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context, RuntimeVariant, draft

RUNTIME = RuntimeVariant(
    variant=Variant.ECHO,
    description="The demo engine that comes with Modelyard: it has no weights and echoes its input.",
    model_name="echo-model",
    port=8000,
    health_path="/health",
    start_command="modelyard echo --host {host} --port {port} --name {name}",
    start_delay=0,
)


def generate(context: Context) -> Tree:
    return draft(RUNTIME, context)
