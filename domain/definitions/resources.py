"""Resources in Kubernetes quantities: cpu, memory, vendor/name.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from domain.definitions.findings import finding, shown
from domain.definitions.layers import LayerKind
from domain.errors import DefinitionError, Path

QUANTITY = re.compile(
    r"([-+]?)([0-9]{1,30}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})"
    r"(?:([KMGTPE]i|[numkMGTPE])|[eE]([-+]?[0-9]{1,2}))?"
)
LOOSE = re.compile(r"([0-9.]+)\s*([kmgtpe])(?:i?b)?", re.IGNORECASE)
EXTENDED = re.compile(
    r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
MEANT = {"mem": "memory", "ram": "memory", "cpus": "cpu", "cores": "cpu", "gpu": "nvidia.com/gpu"}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY: Mapping[str, int] = {
    suffix: int(1024**power) for power, suffix in enumerate("KMGTPE", start=1)
}


def amount(quantity: str) -> Decimal | None:
    """The number that a quantity stands for; None for what is no quantity."""
    match = QUANTITY.fullmatch(quantity)
    if not match:
        return None
    sign, digits, suffix, exponent = match.groups()
    number = Decimal(sign + digits)
    if suffix and suffix.endswith("i"):
        return number * BINARY[suffix[0]]
    return number.scaleb(DECIMAL[suffix or ""] + int(exponent or 0))


def text(value: Any) -> Any:
    """A quantity written as a number (cpu: 2), as text; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def problems(layer: LayerKind, key: str, value: Any, path: Path) -> Iterator[DefinitionError]:
    """What is wrong with one resource; `value` is text, or None to remove it."""
    if key not in ("cpu", "memory") and not EXTENDED.fullmatch(key):
        says = f"{shown(key)} is no resource: cpu, memory, or vendor/name"
        yield finding(
            "UNKNOWN_FIELD", layer, path, says, value=value, suggestion=MEANT.get(key.lower())
        )
    if value is None:
        return
    if not isinstance(value, str):
        yield finding(
            "WRONG_TYPE",
            layer,
            path,
            f"this wants a quantity as text, not {shown(value)}",
            value=shown(value),
        )
        return
    number = amount(value)
    says, kind = "", "OUT_OF_RANGE"
    if number is None:
        says, kind = f"{shown(value)} is no quantity", "WRONG_TYPE"
    elif number < 0:
        says = f"{shown(value)} is less than nothing"
    elif key == "memory" and value.endswith(("m", "u", "n")):
        says = f"{shown(value)} is a fraction of a byte"
    elif "/" in key and number % 1:
        says = f"{key} comes in whole numbers, not {shown(value)}"
    if says:
        better = binary(value) if key == "memory" else None
        yield finding(kind, layer, path, says, value=value, suggestion=better)


def binary(value: str) -> str | None:
    """256m, 1g, 512MB as people mean them: in powers of 1024."""
    match = LOOSE.fullmatch(value)
    return f"{match[1]}{match[2].upper()}i" if match else None
