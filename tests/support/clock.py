from datetime import UTC, datetime, timedelta


class TestClock:
    """Stands still but for a microsecond a look, so that no two looks are alike."""

    __test__ = False

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by
