import pytest

from domain.definitions.definition import Definition, HealthCheck, Model, Service
from domain.deployments.plan import bounds
from domain.deployments.rollout import default_progress_deadline
from domain.deployments.strategy import BlueGreen, Canary, CanaryStep, Rolling, Strategy

CANARY = Canary(steps=(CanaryStep(weight=10), CanaryStep(weight=34)))


@pytest.mark.parametrize(
    ("strategy", "desired", "step", "surge", "unavailable"),
    [
        (Rolling(), 1, None, 1, 0),
        (Rolling(), 3, None, 2, 0),
        (Rolling(max_surge="25%", max_unavailable="25%"), 5, None, 2, 1),
        (Rolling(max_surge=3, max_unavailable=2), 4, None, 3, 2),
        (Rolling(max_surge=0, max_unavailable="10%"), 5, None, 0, 1),  # neither: one may be away
        (Rolling(max_surge=0, max_unavailable=1), 1, None, 0, 1),
        (Rolling(max_surge=1, max_unavailable="100%"), 3, None, 1, 2),  # the last one stays
        (Rolling(max_surge=1, max_unavailable="100%"), 1, None, 1, 0),
        (Rolling(max_surge="50%", max_unavailable=1), 0, None, 0, 0),
        (Rolling(max_surge=1, max_unavailable=1), 0, None, 1, 0),
        (BlueGreen(), 3, None, 3, 0),
        (CANARY, 5, 0, 1, 0),
        (CANARY, 5, 1, 2, 0),
        (CANARY, 5, 2, 5, 0),
        (CANARY, 5, None, 5, 0),
        (CANARY, 1, 0, 1, 0),
    ],
)
def test_surge_rounds_up_and_unavailable_rounds_down(
    strategy: Strategy, desired: int, step: int | None, surge: int, unavailable: int
) -> None:
    found = bounds.of(strategy, desired, step)
    assert (found.surge, found.unavailable) == (surge, unavailable)
    assert found.ceiling == desired + surge
    assert found.floor == max(0, desired - unavailable)


@pytest.mark.parametrize(
    ("weight", "desired", "count"), [(1, 4, 1), (25, 4, 1), (26, 4, 2), (100, 4, 4), (7, 100, 7)]
)
def test_a_canary_has_the_replicas_of_its_weight_but_at_least_one(
    weight: int, desired: int, count: int
) -> None:
    assert bounds.canary_count(Canary(steps=(CanaryStep(weight=weight),)), 0, desired) == count


def a_model(name: str, check: HealthCheck | None, *, serves: bool = True) -> Model:
    service = Service(start_command="run", port=8000, health_check=check) if serves else None
    return Model(name=name, model_path="/models", service=service)


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ([a_model("a", None)], 600.0),
        ([a_model("a", None, serves=False)], 600.0),
        ([a_model("a", HealthCheck(initial_delay=300, max_retries=10))], 600.0),
        ([a_model("a", HealthCheck(initial_delay=600, max_retries=4, interval=30))], 780.0),
        ([a_model("a", HealthCheck(initial_delay=9000, enable=False))], 600.0),
        (
            [
                a_model("a", HealthCheck(initial_delay=700, max_retries=1)),
                a_model("b", HealthCheck(initial_delay=900, max_retries=2, max_wait_time=1)),
            ],
            922.0,
        ),
    ],
)
def test_the_deadline_leaves_the_slowest_model_the_time_that_its_health_check_grants(
    models: list[Model], expected: float
) -> None:
    assert default_progress_deadline(Definition(models=tuple(models))) == expected
