"""Two things at a time: while the rest of one step is done, the next steps are begun."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
DEPTH = 2  # of what waits before a thread: enough that a slow step holds up nothing, few as frames are large


def fetched_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items (none of them None), each fetched by another thread before it is asked for."""
    with ThreadPoolExecutor(1) as fetching:
        fetched = deque(fetching.submit(next, items, None) for _ in range(DEPTH))
        while (item := fetched.popleft().result()) is not None:
            fetched.append(fetching.submit(next, items, None))
            yield item


def done_ahead(steps: Iterator[Callable[[], T]]) -> Generator[T, None, None]:
    """What calls return, in order. Calls run one after another, and so does what makes them, but beside each other.

    Whoever takes the results works beside both.

    Args:
        steps: makes the calls; used by one other thread. What it or a call raises comes out here.
    """
    begun: deque[Future[T]] = deque()
    with ThreadPoolExecutor(1) as doing:
        for step in fetched_ahead(steps):
            begun.append(doing.submit(step))
            if len(begun) == DEPTH:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
