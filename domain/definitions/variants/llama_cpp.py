"""llama.cpp: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md

-m wants a GGUF file: a layer sets model_path to the file in the folder.
"""

from domain.definitions.layers import Tree
from domain.definitions.variants import Variant
from domain.definitions.variants.engine import Context, RuntimeVariant, draft

RUNTIME = RuntimeVariant(
    variant=Variant.LLAMA_CPP,
    description="llama.cpp's server, for a GGUF file.",
    model_name="llama-cpp-model",
    port=8080,
    health_path="/health",
    start_command="llama-server -m {model_path} --host {host} --port {port} --alias {name}",
    start_delay=60,
)


def generate(context: Context) -> Tree:
    return draft(RUNTIME, context)
