"""The ports that the system gives to outgoing connections: any of them may be taken at any moment."""

from pathlib import Path

LINUX = Path("/proc/sys/net/ipv4/ip_local_port_range")


def overlap(ports: range, told: Path = LINUX) -> range | None:
    """Those of the ports that are ephemeral ones; None where there are none, or nobody tells."""
    try:
        first, last = map(int, told.read_text().split())
    except (OSError, ValueError):
        return None
    shared = range(max(first, ports.start), min(last + 1, ports.stop))
    return shared or None
