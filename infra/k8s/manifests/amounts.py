"""What a container asks for: of cpu and memory as much as it may have, and no more of anything."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from domain.definitions import resources as quantities
from domain.deployments.reason import Reason
from infra.k8s.manifests.refusal import CantStart

MILLI = Decimal(1000)


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
    amount = quantities.amount(text) or Decimal(0)
    if key == "cpu":
        return f"{(amount * MILLI / containers).to_integral_value(ROUND_CEILING)}m"
    if key == "memory":
        return str((amount / containers).to_integral_value(ROUND_FLOOR))
    if amount % containers:
        says = (
            f"{containers} models share a pod, and {text} of {key} can't be shared out equally among "
            f"their containers: ask for a multiple of {containers}, or deploy them one by one."
        )
        raise CantStart(Reason.START_FAILED, says)
    return str(int(amount / containers))
