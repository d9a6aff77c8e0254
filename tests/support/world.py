"""A world for the plan: rows, processes and gateways that go their own ways, and what can go wrong in it.

`World` is moved on by its methods, each a moment: time passes, a process crashes, a gateway hears of what
was committed, a user decides, the control plane begins or ends a pass. Commits, acts and observations may
be lost in between. Whoever uses it gives `judge`, which sees every decision before it is committed.

    world = World(strategy=Rolling(), desired=2, judge=judge)
    world.activate(1)
    world.settle()
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.plan import decide
from domain.deployments.ports import Observed, Sight
from domain.deployments.reason import Reason
from domain.deployments.replica import Replica, ReplicaStatus
from domain.deployments.rollout import RolloutStatus
from domain.deployments.situation import Decision, Situation, Start
from tests.support.inhabitants import Gateway, Process
from tests.support.rows import Rows

D = DeploymentStatus
R = RolloutStatus
S = ReplicaStatus


@dataclass
class Pass:
    """A look that has begun: what was loaded and observed, not yet decided upon."""

    situation: Situation


Judge = Callable[["World", Situation, Decision], None]


@dataclass(kw_only=True)
class World(Rows):
    judge: Judge
    in_place: frozenset[str] = frozenset()
    processes: dict[str, Process] = field(default_factory=dict)
    gateways: list[Gateway] = field(default_factory=lambda: [Gateway(), Gateway()])
    changed_at: dict[str, int] = field(default_factory=dict)  # position of a replica's last status
    broken: set[str] = field(default_factory=set)  # revisions whose new processes end at once
    slow: set[str] = field(default_factory=set)  # revisions whose new processes fail their probes
    taken: int = 0  # so many next starts find their port taken
    faults: Counter[str] = field(default_factory=Counter)
    begun: Pass | None = None
    sights: dict[str, Observed] = field(default_factory=dict)  # at the last look

    # What happens by itself.

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        for process in self.processes.values():
            if process.ends_at is not None and process.ends_at <= self.now and process.lives:
                process.sight, process.exit_code = Sight.EXITED, -15
            ripe = process.began + timedelta(seconds=process.healthy_after) <= self.now
            if process.sight is Sight.RUNNING and ripe and process.ends_at is None:
                slow = process.revision in self.slow
                process.sight = Sight.FAILING if slow else Sight.HEALTHY

    def crash(self, which: int) -> None:
        if found := self._pick(which, lambda p: p.lives):
            found.sight, found.exit_code = Sight.EXITED, 1
            self.faults["crash"] += 1

    def fail_probes(self, which: int) -> None:
        if found := self._pick(which, lambda p: p.sight in (Sight.HEALTHY, Sight.RUNNING)):
            found.sight = Sight.FAILING
            self.faults["failed probes"] += 1

    def recover(self, which: int) -> None:
        if found := self._pick(which, lambda p: p.sight is Sight.FAILING):
            found.sight = Sight.HEALTHY
            self.faults["recovery"] += 1

    def forget(self, which: int) -> None:
        """The driver is adopted anew: how a process ended, nobody can tell."""
        if found := self._pick(which, lambda p: not p.lives and not p.forgotten):
            found.forgotten = True
            self.faults["end unseen"] += 1

    def hears(self, which: int) -> None:
        self.gateways[which % len(self.gateways)].seen = self.position

    def request(self, which: int) -> None:
        """A gateway sends a request to what it takes for healthy; ones to what leaves may go on."""
        gateway = self.gateways[which % len(self.gateways)]
        serving = [r for r in self.present() if r.status is S.HEALTHY]
        if serving:
            gateway.in_flight[serving[which % len(serving)].id] += 1

    def answers(self, which: int) -> None:
        self.gateways[which % len(self.gateways)].in_flight.clear()

    # What the control plane does.

    def begin(self, lost: int | None = None) -> None:
        """Load and observe; of every `lost`-th replica the driver can't tell."""
        observed = {}
        for index, replica in enumerate(self.present()):
            if lost is not None and index % (lost + 1) == 0:
                self.faults["observation lost"] += 1
                continue
            process = self.processes.get(replica.id)
            observed[replica.id] = process.observed() if process else Observed(sight=Sight.ABSENT)
        self.begun = Pass(self.situation(observed))

    def finish(self, fate: str = "") -> None:
        """Decide, commit, act. `fate`: "uncommitted" or "unacted" where the control plane ends there."""
        if self.begun is None:
            return
        situation, self.begun = self.begun.situation, None
        decision = decide(situation, self.now, self.new_id)
        self.judge(self, situation, decision)
        loaded = (situation.deployment, situation.rollout)
        if loaded != (self.deployment, self.live):
            self.faults["raced by a user"] += 1
            return
        if fate == "uncommitted":
            self.faults["commit lost"] += 1
            return
        self.sights = self._sights()
        self._apply(decision)
        if fate == "unacted":
            self.faults["act lost"] += bool(decision.actions)
            return
        self._act(decision)

    def restart(self) -> None:
        if self.begun is not None:
            self.begun = None
            self.faults["control plane restart"] += 1

    def look(self, fate: str = "") -> None:
        self.begin()
        self.finish(fate)

    def run(self, seconds: int) -> None:
        """So long all goes well: gateways hear, and each second somebody looks."""
        for _ in range(seconds):
            self.passes(1.0)
            self.everybody_hears()
            self.look()

    def everybody_hears(self) -> None:
        for gateway in self.gateways:
            gateway.seen = self.position
            gateway.in_flight.clear()

    def mend(self) -> None:
        self.broken.clear()
        self.slow.clear()
        self.taken = 0

    def settle(self, bound: int = 700) -> int:
        """No faults any more, but in what is broken: until nothing is left to do; how many seconds it took.

        Looks are taken when the plan asked for one, or something is seen otherwise than at the last.
        """
        for process in self.processes.values():
            process.healthy_after = min(process.healthy_after, 5.0)
        for passed in range(bound):
            if self._is_quiet():
                return passed
            self.passes(1.0)
            self.everybody_hears()
            self._urge()
            if self._is_due():
                self.look()
        raise AssertionError(f"no end in sight: {self.deployment} {self.live} {self.present()}")

    def situation(self, observed: Mapping[str, Observed]) -> Situation:
        return Situation(
            deployment=self.deployment,
            rollout=self.live,
            groups=tuple(self.groups.values()),
            replicas=tuple(self.present()),
            observed=observed,
            unused=frozenset(r.id for r in self.present() if self._is_unused(r)),
            known=frozenset(
                r.id for r in self.present() if r.status is S.HEALTHY and self._is_heard(r)
            ),
            in_place=self.in_place,
        )

    def serving(self, revision: str | None = None) -> list[Replica]:
        """Replicas whose rows say healthy and whose processes are."""
        return [
            r
            for r in self.present()
            if r.status is S.HEALTHY
            and (revision is None or r.revision_id == revision)
            and r.id in self.processes
            and self.processes[r.id].sight is Sight.HEALTHY
        ]

    def orphans(self) -> list[Process]:
        present = {r.id for r in self.present()}
        return [p for p in self.processes.values() if p.lives and p.replica_id not in present]

    def _is_quiet(self) -> bool:
        if self.deployment.status is D.STOPPED:
            return True
        if self.live or self.deployment.status not in (D.READY, D.PENDING):
            return False
        active = self.deployment.active_revision_id
        wanted = self.deployment.desired_replicas if active else 0
        return wanted == len(self.present()) == len(self.serving(active))

    def _is_due(self) -> bool:
        asked = self.look_at is not None and self.look_at <= self.now
        return asked or self._sights() != self.sights

    def _sights(self) -> dict[str, Observed]:
        """What the driver would say of the replicas that are there."""
        present = {r.id for r in self.present()}
        return {
            p.replica_id: p.observed() for p in self.processes.values() if p.replica_id in present
        }

    def _urge(self) -> None:
        """Where only a user can go on, one does."""
        live = self.live
        if live and live.status is R.PAUSED:
            self.resume()
        elif live and self.deployment.reason is Reason.AWAITING_PROMOTION and not live.promoted:
            self.promote()
        elif self.deployment.status is D.DEGRADED and not self.deployment.active_revision_id:
            self.activate(7)

    def _apply(self, decision: Decision) -> None:
        if decision.rollout is not None:
            self._put(decision.rollout)
        self.deployment = decision.deployment
        self._commit()
        for group in decision.groups:
            self.groups[group.id] = group
        for replica in decision.replicas:
            before = self.replicas.get(replica.id)
            if before is None or before.status is not replica.status:
                self.changed_at[replica.id] = self.position
            self.replicas[replica.id] = replica
        self.facts += decision.facts
        self.look_at = decision.look_at

    def _act(self, decision: Decision) -> None:
        for action in decision.actions:
            process = self.processes.get(action.replica_id)
            if not isinstance(action, Start):
                if process and process.ends_at is None:
                    process.ends_at = self.now + timedelta(seconds=2)
            elif process is None or process.forgotten:
                self._spawn(self.replicas[action.replica_id])

    def _spawn(self, replica: Replica) -> None:
        process = Process(replica.id, replica.revision_id, self.now)
        self.processes[replica.id] = process
        if self.taken:
            self.taken -= 1
            process.sight, process.reason = Sight.EXITED, Reason.PORT_TAKEN
            self.faults["port taken"] += 1
        elif replica.revision_id in self.broken:
            process.sight, process.exit_code = Sight.EXITED, 3
            self.faults["crash at start"] += 1
        elif replica.revision_id in self.slow:
            process.healthy_after = 90.0
            self.faults["slow start"] += 1

    def _is_heard(self, replica: Replica) -> bool:
        at = self.changed_at.get(replica.id, 0)
        return all(gateway.seen >= at for gateway in self.gateways)

    def _is_unused(self, replica: Replica) -> bool:
        busy = any(gateway.in_flight[replica.id] for gateway in self.gateways)
        return replica.status is S.DRAINING and self._is_heard(replica) and not busy

    def _pick(self, which: int, fits: Callable[[Process], bool]) -> Process | None:
        fitting = [p for p in self.processes.values() if fits(p)]
        return fitting[which % len(fitting)] if fitting else None
