"""SGLang: https://docs.sglang.io/advanced_features/server_arguments.html"""

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context, RuntimeVariant, draft

RUNTIME = RuntimeVariant(
    variant=Variant.SGLANG,
    description="SGLang's OpenAI-compatible server.",
    model_name="sglang-model",
    port=9001,
    health_path="/health",
    start_command=(
        "python -m sglang.launch_server --model-path {model_path}"
        " --host {host} --port {port} --served-model-name {name}"
    ),
)


def generate(context: Context) -> Tree:
    return draft(RUNTIME, context)
