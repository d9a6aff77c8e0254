"""What a container asks for: of cpu and memory as much as it may have, and no more of anything."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor

from domain.deployments.reason import Reason
from infra.k8s import quantities
from infra.k8s.manifests.refusal import CantStart

MILLI = 1000


def of_each(resources: Mapping[str, str], containers: int) -> Mapping[str, str]:
    """A revision's resources are its replica's in all: its containers have equal parts of them.

    Raises CantStart where devices can't be shared out.
    """
    if containers == 1:
        return dict(resources)
    return {key: _part(key, text, containers) for key, text in resources.items()}


def has_devices(resources: Mapping[str, str]) -> bool:
    return any("/" in key and quantities.amount(text) for key, text in resources.items())


def _part(key: str, text: str, containers: int) -> str:
    part = (quantities.amount(text) or Fraction(0)) / containers
    if key == "cpu":
        return f"{ceil(part * MILLI)}m"
    if key == "memory":
        return str(floor(part))
    if part.denominator != 1:
        says = (
            f"{containers} models share a pod, and {text} of {key} can't be shared out equally among "
            f"their containers: ask for a multiple of {containers}, or deploy them one by one."
        )
        raise CantStart(Reason.START_FAILED, says)
    return str(part.numerator)
