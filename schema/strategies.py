"""How a deployment goes from one revision to the next."""

from typing import Annotated, Any, TypeAlias

from domain.deployments import strategy
from schema import versions
from schema.scalars import Duration, IntOrString


@versions.type(added="0.1.0")
class RollingStrategy:
    """Replicas are replaced a few at a time."""

    max_surge: IntOrString = versions.field(
        description="How many more replicas than desired there may be: a count, or e.g. 50%."
    )
    max_unavailable: IntOrString = versions.field(
        description="How many fewer than desired may serve: a count, or e.g. 25%."
    )


@versions.type(added="0.1.0")
class BlueGreenStrategy:
    """The new revision is made ready beside the old one, then takes over at once."""

    auto_promote: bool = versions.field(
        description="Whether it takes over by itself; else promoteRollout has it take over."
    )
    promote_delay: Duration = versions.field(
        description="How long it has been ready before it takes over by itself."
    )


@versions.type(added="0.1.0")
class CanaryStep:
    weight: int = versions.field(description="Percent of requests.")
    pause: Duration | None = versions.field(description="Null waits for somebody to go on.")


@versions.type(added="0.1.0")
class CanaryStrategy:
    """The new revision gets a growing share of requests."""

    steps: list[CanaryStep] = versions.field(
        description="In order; behind the last one the new revision takes over."
    )


DeploymentStrategy: TypeAlias = Annotated[
    RollingStrategy | BlueGreenStrategy | CanaryStrategy,
    versions.union(
        "DeploymentStrategy",
        added="0.1.0",
        description="How a deployment goes from one revision to the next.",
    ),
]


def shown(value: strategy.Strategy) -> RollingStrategy | BlueGreenStrategy | CanaryStrategy:
    match value:
        case strategy.Rolling():
            return RollingStrategy(
                max_surge=IntOrString(value.max_surge),
                max_unavailable=IntOrString(value.max_unavailable),
            )
        case strategy.BlueGreen():
            return BlueGreenStrategy(
                auto_promote=value.auto_promote, promote_delay=Duration(value.promote_delay)
            )
        case strategy.Canary():
            return CanaryStrategy(steps=[_step(step) for step in value.steps])


def _step(step: strategy.CanaryStep) -> CanaryStep:
    pause = None if step.pause is None else Duration(step.pause)
    return CanaryStep(weight=step.weight, pause=pause)


@versions.input(added="0.1.0")
class RollingStrategyInput:
    max_surge: IntOrString | None = versions.field(description="50% unless said.")
    max_unavailable: IntOrString | None = versions.field(description="0 unless said.")


@versions.input(added="0.1.0")
class BlueGreenStrategyInput:
    auto_promote: bool | None = versions.field(description="True unless said.")
    promote_delay: Duration | None = versions.field(description="None unless said.")


@versions.input(added="0.1.0")
class CanaryStepInput:
    weight: int = versions.field(description="Percent of requests, from 1 to 100.")
    pause: Duration | None = versions.field(description="Null waits for somebody to go on.")


@versions.input(added="0.1.0")
class CanaryStrategyInput:
    steps: list[CanaryStepInput]


@versions.input(added="0.1.0", one_of=True)
class DeploymentStrategyInput:
    """Exactly one of them."""

    rolling: RollingStrategyInput | None
    blue_green: BlueGreenStrategyInput | None
    canary: CanaryStrategyInput | None


def read(said: DeploymentStrategyInput) -> strategy.Strategy:
    if said.canary is not None:
        steps = tuple(
            strategy.CanaryStep(weight=step.weight, pause=step.pause) for step in said.canary.steps
        )
        return strategy.Canary(steps=steps)
    if said.blue_green is not None:
        return strategy.BlueGreen(**_given(said.blue_green))
    return strategy.Rolling(**_given(said.rolling))


def _given(said: object) -> dict[str, Any]:
    return {name: value for name, value in vars(said).items() if value is not None}
