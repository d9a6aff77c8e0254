"""The runtime variants: what each generates when a definition says nothing else."""

from enum import StrEnum


class Variant(StrEnum):
    VLLM = "vllm"
    SGLANG = "sglang"
    NIM = "nim"
    HUGGINGFACE_TGI = "huggingface-tgi"
    MODULAR_MAX = "modular-max"
    LLAMA_CPP = "llama-cpp"
    CMD = "cmd"
    ECHO = "echo"
    CUSTOM = "custom"
