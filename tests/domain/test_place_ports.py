from random import Random

import pytest

from domain.deployments.place_ports import choose
from domain.errors import PortsExhausted

FOUR = range(20_000, 20_004)


def test_ports_of_before_are_the_last_to_be_given_again() -> None:
    for seed in range(20):
        chosen = choose(FOUR, taken={20_001}, spent={20_000, 20_001}, count=3, chance=Random(seed))
        assert set(chosen[:2]) == {20_002, 20_003}
        assert chosen[2] == 20_000


def test_ports_are_not_given_in_a_row() -> None:
    found = {choose(FOUR, (), (), 1, Random(seed))[0] for seed in range(40)}
    assert found == set(FOUR)


def test_more_than_are_left_can_not_be_had() -> None:
    with pytest.raises(PortsExhausted, match="20000–20003"):
        choose(FOUR, taken={20_002}, spent={20_001, 20_002}, count=4, chance=Random(1))
