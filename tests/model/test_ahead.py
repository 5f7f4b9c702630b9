"""Work that is done beside other work comes out in order, and stops when it is told to."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
from functools import partial

import pytest

from faceanything_addon.model.ahead import DEPTH, done_ahead, fetched_ahead

PATIENCE = 10.0  # seconds


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_all_comes_once_and_in_order(count):
    assert list(fetched_ahead(iter(range(1, count + 1)))) == list(range(1, count + 1))
    assert list(done_ahead(partial(lambda n: n * n, n) for n in range(count))) == [n * n for n in range(count)]


def test_a_step_is_done_while_the_next_is_made():
    begun = [threading.Event() for _ in range(3)]

    def steps():
        for number in range(3):
            begun[number].set()
            yield partial(wait_for, begun[min(number + 1, 2)])

    assert list(done_ahead(steps())) == [True] * 3


def wait_for(event):
    return event.wait(PATIENCE)


def test_few_items_are_fetched_before_they_are_asked_for():
    fetched = []

    def items():
        for number in range(100):
            fetched.append(number)
            yield number + 1

    source = fetched_ahead(items())
    assert next(source) == 1
    source.close()
    assert len(fetched) <= 2 + DEPTH


def test_what_a_step_raises_comes_out_after_the_results_before_it():
    steps = iter([partial(int, "1"), partial(int, "two"), partial(int, "3")])
    results = done_ahead(steps)
    assert next(results) == 1
    with pytest.raises(ValueError, match="two"):
        next(results)


def test_what_the_maker_of_steps_raises_comes_out():
    def steps():
        yield partial(int, "1")
        raise OSError("torn file")

    with pytest.raises(OSError, match="torn file"):
        list(done_ahead(steps()))


def test_closing_early_ends_the_threads_and_the_maker():
    before, closed = threading.active_count(), threading.Event()

    def steps():
        try:
            while True:
                yield partial(int, "1")
        finally:
            closed.set()

    results = done_ahead(steps())
    assert next(results) == 1
    results.close()
    assert threading.active_count() == before
    assert closed.wait(PATIENCE)
