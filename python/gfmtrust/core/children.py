"""Work that is shared among processes, in the order of its jobs.

A process that is killed, by the kernel for want of memory or by a scheduler, ends the work with an
error. multiprocessing.Pool alone would start another one and wait for the lost answer forever.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from typing import Any

from gfmtrust.core.errors import TransientError, message

SECONDS = 0.5
"""How often the processes are looked at."""


def answers(
    function: Callable[[Any], Any],
    jobs: Sequence[Any],
    processes: int,
    place: str,
    prepare: Callable[..., None] | None = None,
    prepared_with: tuple = (),
    on_wait: Callable[[], None] = lambda: None,
) -> Iterator[Any]:
    """`function(job)` for each job, from spawned processes, which hold no lock or file of this one.

    prepare: called once in each process, with `prepared_with`. on_wait: called about twice a
    second while an answer is awaited. Raises what the function raises, and TransientError (75)
    where a process ended before its work.
    """
    if not jobs:
        return
    before = {child.pid for child in multiprocessing.active_children()}
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(processes, len(jobs)), prepare, prepared_with) as pool:
        children = [child for child in multiprocessing.active_children() if child.pid not in before]
        coming = pool.imap(function, jobs)
        for _ in jobs:
            yield _next(coming, children, place, on_wait)


def _next(coming, children: list[BaseProcess], place: str, on_wait: Callable[[], None]) -> Any:
    while True:
        try:
            return coming.next(timeout=SECONDS)
        except multiprocessing.TimeoutError:
            on_wait()
            _refuse_dead(children, place)


def _refuse_dead(children: list[BaseProcess], place: str) -> None:
    for child in children:
        if child.exitcode is not None:
            raise TransientError(
                message(
                    place,
                    f"one of {len(children)} processes {_end(child.exitcode)}",
                    "all of them until the work is done",
                    "give it more memory, or fewer processes with --cpus",
                )
            )


def _end(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    return f"was ended by {signal.Signals(-exit_code).name}"
