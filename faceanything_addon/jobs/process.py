"""Start the worker, hear it, stop it; never blocks, so that Blender's interface can poll it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ..errors import UserError
from .clip import ClipOptions

WORKER = Path(__file__).resolve().with_name("worker.py")
PATIENCE = 10.0  # seconds that a cancelled worker gets before it is killed
STDERR_LINES = 20


def worker_environment() -> dict[str, str]:
    """The environment without what would lead another Python astray."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") and k != "LD_LIBRARY_PATH"}


class WorkerProcess:
    """One clip job in a process of its own.

    Call poll() now and then (a timer in Blender) until `finished`; then `take` holds the take's folder, or `error` a
    line for the user, or `was_cancelled` is True.
    """

    cure = "run again with resume to go on"  # where the worker ends without a word

    def __init__(
        self,
        options: ClipOptions,
        python: str | Path = sys.executable,
        sites: Sequence[str] = (),
        script: Path = WORKER,
    ) -> None:
        """Start it.

        Args:
            python: the interpreter; it needs no faceanything of its own.
            sites: folders that hold its packages, where they are not its own.
            script: what it runs.

        Raises:
            UserError: the interpreter cannot be started.
        """
        extra = [part for site in sites for part in ("--site", str(site))]
        self.start([str(python), "-I", "-u", str(script), *extra, json.dumps(asdict(options))])

    def start(self, command: list[str]) -> None:
        """Start a program that speaks as worker.py does. Raises UserError: it cannot be started."""
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=worker_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise UserError(f"{command[0]}: cannot be started ({error.strerror}); choose another Python") from error
        self.take: str | None = None
        self.error: str | None = None
        self.was_cancelled = False
        self.finished = False
        self._cancelled_at: float | None = None
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._readers = [threading.Thread(target=t, daemon=True) for t in (self._read_output, self._read_errors)]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stderr(self) -> list[str]:
        """The last lines that the worker wrote for developers."""
        return list(self._stderr)

    def poll(self) -> list[dict[str, Any]]:
        """Progress since the last call, oldest first; see worker.py. Does not wait."""
        self._kill_if_stuck()
        # Asked before the lines are read, so that none can be left behind by a process that ends in between.
        ended = self._process.poll() is not None and not any(r.is_alive() for r in self._readers)
        progress = [m for m in self._messages() if not self._is_last(m)]
        if ended and not self.finished:
            self._end()
        return progress

    def cancel(self) -> None:
        """Ask the worker to stop; poll() kills it if it does not within PATIENCE seconds."""
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic()
            self._close_input()

    def wait(self, timeout: float = PATIENCE) -> bool:
        """Poll until finished or until the timeout in seconds; whether it finished. For scripts and tests."""
        deadline = time.monotonic() + timeout
        while not self.finished and time.monotonic() < deadline:
            self.poll()
            time.sleep(0.02)
        return self.finished

    def kill(self) -> None:
        """End the process now. What it stored can be resumed."""
        self._cancelled_at = self._cancelled_at or time.monotonic()
        self._process.kill()

    def _kill_if_stuck(self) -> None:
        if self._cancelled_at is not None and time.monotonic() - self._cancelled_at > PATIENCE:
            self._process.kill()

    def _close_input(self) -> None:
        try:
            if self._process.stdin:
                self._process.stdin.close()
        except OSError:
            pass  # it has ended already

    def _messages(self) -> list[dict[str, Any]]:
        messages = []
        while True:
            try:
                message = json.loads(self._lines.get_nowait())
            except Empty:
                return messages
            except ValueError:
                continue
            if isinstance(message, dict):
                messages.append(message)

    def _is_last(self, message: dict[str, Any]) -> bool:
        """Take in a message that says how the job ended."""
        if "take" in message:
            self.take = str(message["take"])
        elif "error" in message:
            self.error = str(message["error"])
        elif "cancelled" in message:
            self.was_cancelled = True
        else:
            return False
        return True

    def _end(self) -> None:
        self.finished = True
        self._close_input()
        if self.take is None and self.error is None and not self.was_cancelled:
            self.was_cancelled = self._cancelled_at is not None
            if not self.was_cancelled:
                last = self._stderr[-1] if self._stderr else "no message"
                code = self._process.returncode
                self.error = f"the worker ended with code {code} ({last}); {self.cure}"

    def _read_output(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)

    def _read_errors(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            text = line.decode("utf-8", "replace").strip()
            if text:
                self._stderr.append(text)
