"""Which ports of a host a replica gets."""

from collections.abc import Collection
from random import Random

from domain.errors import PortsExhausted


def choose(
    ports: range, taken: Collection[int], spent: Collection[int], count: int, chance: Random
) -> list[int]:
    """`count` of the ports that are not `taken`, at random; those that replicas of before have
    `spent` only where no others are left. Raises PortsExhausted."""
    fresh = [port for port in ports if port not in taken and port not in spent]
    again = [port for port in ports if port in spent and port not in taken]
    if len(fresh) + len(again) < count:
        raise PortsExhausted(first=ports.start, last=ports.stop - 1)
    chosen = chance.sample(fresh, min(count, len(fresh)))
    return chosen + chance.sample(again, count - len(chosen))
