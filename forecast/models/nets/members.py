"""Members: nets of the seeds that follow each other, trained side by side."""

import math
import time
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from torch import nn

from forecast.models.base import Watch
from forecast.models.nets.training import History, seeded
from forecast.workers import one_thread

AnyNet = TypeVar("AnyNet", bound=nn.Module)


class Members(NamedTuple, Generic[AnyNet]):
    """Trained nets, their loss histories, and the CPU seconds that other processes spent on them."""

    nets: list[AnyNet]
    histories: list[History]
    seconds: float


def train_members(
    net_of: Callable[[int, list[float]], AnyNet],
    members: int,
    trained: Callable[[int, AnyNet, Watch], History],
    seed: int,
    watch: Watch,
) -> Members[AnyNet]:
    """Train nets, each from a seed of its own, in as many processes as `joblib.parallel_config` allows; their bits are those of one.

    net_of: from a member and the lowest validation losses of the first two to its net. trained: trains
    the net of a member in place. Each member has its own checkpoints, so those that ended before a fit
    was killed are taken up.
    """
    from joblib import Parallel, delayed

    def one(member: int, first: list[float]) -> tuple[AnyNet, History, float]:
        begun = time.process_time()
        inner = watch.inner(member, members) if members > 1 else watch
        with one_thread(), seeded(seed + member):
            net = net_of(member, first)
            history = trained(member, net, inner)
        return net.eval(), history, time.process_time() - begun

    nets: list[AnyNet] = []
    histories: list[History] = []
    elsewhere = 0.0
    allowed = _processes()
    for some in (range(min(members, 2)), range(2, members)):
        jobs = max(1, min(allowed, len(some)))
        first = lowest_losses(histories)[:2]
        for net, history, seconds in Parallel(jobs)(delayed(one)(member, first) for member in some):
            nets.append(net)
            histories.append(history)
            if jobs > 1:
                elsewhere += seconds
    return Members(nets, histories, elsewhere)


def _processes() -> int:
    """How many nets are trained at once. Threads would share torch's random state: where joblib has them, it is one."""
    from joblib import effective_n_jobs
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    if getattr(backend, "uses_threads", False):
        return 1
    return int(effective_n_jobs(None))


def lowest_losses(histories: Iterable[History]) -> list[float]:
    """The lowest validation loss of each; inf of one that diverged, and of a warm refit, which does not judge."""
    lowest = []
    for history in histories:
        known = [value for _, _, value in history if not math.isnan(value)]
        lowest.append(min(known, default=math.inf))
    return lowest
