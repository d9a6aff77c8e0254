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
class _Lot:
    """A share's weight in this draw, and what it can be drawn from."""

    weight: int
    choices: Sequence[Choice]


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
    lots = _lots(route, wanted, avoid)
    total = sum(lot.weight for lot in lots)
    if not total:
        return None
    drawn = chance * total
    for lot in lots:
        if drawn < lot.weight:
            break
        drawn -= lot.weight
    fewest = min(outstanding.get(choice.replica_id, 0) for choice in lot.choices)
    idlest = [c for c in lot.choices if outstanding.get(c.replica_id, 0) == fewest]
    return idlest[min(int(drawn / lot.weight * len(idlest)), len(idlest) - 1)]


def _lots(route: Route, wanted: Wanted, avoid: Collection[str]) -> Sequence[_Lot]:
    """Those with a weight. What no live rollout holds back serves as a last resort, so that leaving
    replicas answer where nothing else can."""
    shares = [share for share in route.shares if _is_meant(share, wanted)]
    _check_known(shares, wanted)
    by_count = wanted.revision is not None or any(s.weight is None for s in shares if s.targets)
    lots = [_lot(share, wanted, avoid, by_count=by_count) for share in shares]
    weighed = [lot for lot in lots if lot.weight]
    if weighed:
        return weighed
    rest = [s for s in shares if not s.held_back]
    return [_Lot(len(choices), choices) for s in rest if (choices := _choices(s, wanted, avoid))]


def _is_meant(share: Share, wanted: Wanted) -> bool:
    return wanted.revision in (None, share.revision_number)


def _check_known(shares: Sequence[Share], wanted: Wanted) -> None:
    named = wanted.deployment + (f"@{wanted.revision}" if wanted.revision else "")
    if wanted.revision is not None and not any(share.awaited or share.targets for share in shares):
        raise ModelNotFound(model=named)
    targets = [target for share in shares for target in share.targets]
    if targets and all(target.endpoint(wanted.model) is None for target in targets):
        raise ModelNotFound(model=f"{named}/{wanted.model}")


def _lot(share: Share, wanted: Wanted, avoid: Collection[str], *, by_count: bool) -> _Lot:
    choices = _choices(share, wanted, avoid)
    if wanted.revision is not None:
        return _Lot(len(choices), choices)
    if not choices or share.weight == 0:
        return _Lot(0, choices)
    return _Lot(len(choices) if by_count else share.weight or 0, choices)


def _choices(share: Share, wanted: Wanted, avoid: Collection[str]) -> Sequence[Choice]:
    return [
        Choice(target.replica_id, share.revision_number, endpoint)
        for target in share.targets
        if target.replica_id not in avoid
        and (endpoint := target.endpoint(wanted.model)) is not None
    ]
