"""vLLM: https://docs.vllm.ai/en/latest/cli/serve.html"""

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context, RuntimeVariant, draft

RUNTIME = RuntimeVariant(
    variant=Variant.VLLM,
    description="vLLM's OpenAI-compatible server.",
    model_name="vllm-model",
    port=8000,
    health_path="/health",
    start_command="vllm serve {model_path} --host {host} --port {port} --served-model-name {name}",
)


def generate(context: Context) -> Tree:
    return draft(RUNTIME, context)
