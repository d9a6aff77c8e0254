"""Which replica gets a request."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from domain.deployments.replica import Endpoint
from domain.gateway.naming import Wanted
from domain.gateway.refusals import ModelNotFound
from domain.gateway.route import Route, Share


@dataclass(frozen=True, slots=True)
class Choice:
    replica_id: str
    revision_number: int
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Lot:
    """A share's weight in this draw, and what it can be drawn from. `is_counted`: the weight is but the
    number of its replicas, and no decision of anybody's."""

    weight: int
    choices: Sequence[Choice]
    is_counted: bool


def pick(
    route: Route,
    wanted: Wanted,
    outstanding: Mapping[str, int],
    chance: float,
    avoid: Collection[str] = (),
) -> Choice | None:
    """A replica group by weight, and in it a replica with the fewest requests outstanding.

    `outstanding` counts by replica id (none where it says nothing), `chance` is from 0 up to but
    not including 1; it also decides among equals. Replicas in `avoid` are never chosen. None: no
    replica can take it now. Raises ModelNotFound where waiting would not help.
    """
    found = lots(route, wanted, avoid)
    total = sum(lot.weight for lot in found)
    if not total:
        return None
    drawn = chance * total
    for lot in found:
        if drawn < lot.weight:
            break
        drawn -= lot.weight
    fewest = min(outstanding.get(choice.replica_id, 0) for choice in lot.choices)
    idlest = [c for c in lot.choices if outstanding.get(c.replica_id, 0) == fewest]
    return idlest[min(int(drawn / lot.weight * len(idlest)), len(idlest) - 1)]


def lots(route: Route, wanted: Wanted, avoid: Collection[str]) -> Sequence[Lot]:
    """Those with a weight. What no live rollout holds back serves as a last resort, so that leaving
    replicas answer where nothing else can. Raises ModelNotFound where waiting would not help."""
    shares = [share for share in route.shares if _is_meant(share, wanted)]
    _check_known(shares, wanted)
    by_count = wanted.revision is not None or any(s.weight is None for s in shares if s.targets)
    found = [_lot(share, wanted, avoid, by_count=by_count) for share in shares]
    weighed = [lot for lot in found if lot.weight]
    if weighed:
        return weighed
    rest = [_choices(share, wanted, avoid) for share in shares if not share.held_back]
    return [_counted(choices) for choices in rest if choices]


def _is_meant(share: Share, wanted: Wanted) -> bool:
    return wanted.revision in (None, share.revision_number)


def _check_known(shares: Sequence[Share], wanted: Wanted) -> None:
    named = wanted.deployment + (f"@{wanted.revision}" if wanted.revision else "")
    if wanted.revision is not None and not any(share.awaited or share.targets for share in shares):
        raise ModelNotFound(model=named)
    targets = [target for share in shares for target in share.targets]
    if targets and all(target.endpoint(wanted.model) is None for target in targets):
        raise ModelNotFound(model=f"{named}/{wanted.model}")


def _lot(share: Share, wanted: Wanted, avoid: Collection[str], *, by_count: bool) -> Lot:
    choices = _choices(share, wanted, avoid)
    if wanted.revision is not None:
        return _counted(choices)
    if not choices or share.weight == 0:
        return Lot(0, choices, is_counted=True)
    return _counted(choices) if by_count else Lot(share.weight or 0, choices, is_counted=False)


def _counted(choices: Sequence[Choice]) -> Lot:
    return Lot(len(choices), choices, is_counted=True)


def _choices(share: Share, wanted: Wanted, avoid: Collection[str]) -> Sequence[Choice]:
    return [
        Choice(target.replica_id, share.revision_number, endpoint)
        for target in share.targets
        if target.replica_id not in avoid
        and (endpoint := target.endpoint(wanted.model)) is not None
    ]
