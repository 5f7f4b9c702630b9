"""First looks at frames to come, made beside the work on earlier ones."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np

from .crop import Crop

T = TypeVar("T")
BESIDE = 2  # looks at a time: at the frame that is waited for, and at the next one


class Foresight(Generic[T]):
    """Begins looks early and hands them out when they are asked for; what nobody asks for is dropped.

    Args:
        look: (H, W, 3) picture and square -> what is seen there; called on other threads, two at a time.
    """

    def __init__(self, look: Callable[[np.ndarray, Crop], T]) -> None:
        self.look = look
        self._begun: deque[tuple[np.ndarray, Crop, Future[T]]] = deque()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def waiting(self) -> int:
        """Looks begun and not yet asked for."""
        return len(self._begun)

    def begin(self, image: np.ndarray, crop: Crop) -> None:
        """Look at a picture that will be asked for after those begun before."""
        self._pool = self._pool or ThreadPoolExecutor(BESIDE, "look ahead")
        self._begun.append((image, crop, self._pool.submit(self.look, image, crop)))

    def seen(self, image: np.ndarray, crop: Crop) -> T:
        """The look at this picture (this very array) and square, made now unless begun. Raises what it raises."""
        if not any(early is image for early, _, _ in self._begun):
            return self.look(image, crop)
        while (begun := self._begun.popleft())[0] is not image:
            begun[2].cancel()
        _, where, future = begun
        if where == crop:
            return future.result()
        future.cancel()
        return self.look(image, crop)

    def forget(self) -> None:
        """Drop all that was begun."""
        while self._begun:
            self._begun.popleft()[2].cancel()
