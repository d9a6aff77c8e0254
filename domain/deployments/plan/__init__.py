"""What to do about one deployment: its rows and what a driver saw go in, how the rows are to be and what
to do comes out. Nothing is remembered but the rows, so that whoever crashes can begin anew from them.
"""

from datetime import datetime

from domain.deployments.plan import advance, backoff, folding, looking, moves, shares, standing
from domain.deployments.plan.working import Working
from domain.deployments.situation import Decision, Situation
from domain.ids import NewId


def decide(situation: Situation, now: datetime, new_id: NewId) -> Decision:
    """Deciding again on what was decided, with the same observed, changes nothing more."""
    working = Working.of(situation, now, new_id)
    folding.fold(working)
    advance.advance(working)
    moves.move(working)
    backoff.ease(working)
    shares.share(working)
    standing.stand(working)
    return working.decision(looking.look_at(working))
