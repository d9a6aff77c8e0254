"""Any image or command: what starts is for another layer to say."""

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context, RuntimeVariant, draft

RUNTIME = RuntimeVariant(
    variant=Variant.CMD,
    description="Any command; some layer has to give it.",
    model_name="image-model",
    port=8000,
    needs_command=True,
)


def generate(context: Context) -> Tree:
    return draft(RUNTIME, context)
