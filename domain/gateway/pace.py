"""When a gateway has to say again how it stands."""

URGENT, CHANGED, ALIVE = 0.05, 0.5, 2.0  # seconds behind the report before


def next_report(last: float, *, changed: bool, urgent: bool) -> float:
    """Not before then; times in seconds of one clock. Urgent: somebody waits for it."""
    if urgent:
        return last + URGENT
    return last + (CHANGED if changed else ALIVE)
