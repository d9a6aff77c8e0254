from domain.gateway.pace import next_report


def test_what_somebody_waits_for_is_reported_at_once_but_not_more_often_than_50_ms() -> None:
    assert next_report(10.0, changed=True, urgent=True) == 10.05


def test_changes_are_reported_twice_a_second_at_most() -> None:
    assert next_report(10.0, changed=True, urgent=False) == 10.5


def test_without_changes_a_gateway_says_every_2_seconds_that_it_is_there() -> None:
    assert next_report(10.0, changed=False, urgent=False) == 12.0
