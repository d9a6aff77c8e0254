"""Text Generation Inference: https://huggingface.co/docs/text-generation-inference

Its router listens only when the shards are ready: /info answers from then on, without the cost of
a generated token that /health has.
"""

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context, RuntimeVariant, draft

RUNTIME = RuntimeVariant(
    variant=Variant.HUGGINGFACE_TGI,
    description="Hugging Face's Text Generation Inference.",
    model_name="tgi-model",
    port=3000,
    health_path="/info",
    start_command="text-generation-launcher --model-id {model_path} --hostname {host} --port {port}",
)


def generate(context: Context) -> Tree:
    return draft(RUNTIME, context)
