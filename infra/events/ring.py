from domain.events import Event


class Ring:
    """The newest events, without a hole: those behind `start`, up to and with `end`."""

    def __init__(self, capacity: int, end: int = 0) -> None:
        self._slots: list[Event | None] = [None] * capacity
        self.start = self.end = end

    def __getitem__(self, position: int) -> Event:
        event = self._slots[position % len(self._slots)]
        if not self.start < position <= self.end or event is None:
            raise IndexError(position)
        return event

    def __contains__(self, place: int) -> bool:
        """Whether everything behind the place is here."""
        return self.start <= place <= self.end

    def push(self, event: Event) -> None:
        if event.position != self.end + 1:
            self.reset(event.position - 1)
        self._slots[event.position % len(self._slots)] = event
        self.end = event.position
        self.start = max(self.start, self.end - len(self._slots))

    def reset(self, end: int) -> None:
        """Empty, and to be filled behind `end`."""
        self._slots = [None] * len(self._slots)
        self.start = self.end = end
