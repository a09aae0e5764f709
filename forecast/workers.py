"""Processes and threads: how many, and why a fit has one."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from forecast.errors import validated

Jobs = Annotated[int, Field(ge=0)]


def processes(jobs: int) -> int:
    """How many processes `jobs` asks for, 0 = one for each core that this process may use; ForecastError below that."""
    return validated(Jobs, jobs, "jobs") or cores()


def cores() -> int:
    """How many cores this process may use: a container, or `taskset`, may leave it fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for BLAS, OpenMP and torch, given back afterwards: bits depend on the number of threads, so a fit has always one."""
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    with threadpool_limits(limits=1):
        if torch:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)
