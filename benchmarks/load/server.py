"""The dashboard in a process of its own: started, measured and killed by whoever puts it under load."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
LOOKED = 3.0  # seconds between two looks at whether a server still warms up
IDLE = 0.02  # share of a core


def environment_in(folder: Path) -> dict[str, str]:
    """The settings of servers that share what lies in a folder, and have no data set whatever this machine has."""
    return {
        "ROBUSTSCOPE_DATABASE": f"sqlite:///{folder / 'workshops.db'}",
        "ROBUSTSCOPE_VISITORS": str(folder / "visitors"),
        "ROBUSTSCOPE_DATA": str(folder / "data"),
    }


class Server:
    """The dashboard in a process of its own, which can be killed and started again at the same address."""

    def __init__(self, environment: dict[str, str], log: Path, root: Path = ROOT) -> None:
        """Started from the project in `root`, with what it says added to `log`."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address, self._environment, self._log = f"http://127.0.0.1:{self.port}", environment, log
        self._root, self._waits, self._waited = root, dict[str, int](), 0  # nanoseconds
        self.start()

    def start(self) -> None:
        """Back when it takes connections.

        Raises:
            RuntimeError: it ended instead.
        """
        command = [sys.executable, "-m", "streamlit", "run", "server.py", "--server.port", str(self.port)]
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--server.address", "127.0.0.1"],
                cwd=self._root, env=os.environ | self._environment, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"the server ended as it started: {self._log.read_text()[-2000:]}") from None
                time.sleep(0.2)

    def warm(self, patience: float = 180.0) -> None:
        """Back when it has imported and made beforehand what it does after its start, or after so many seconds.

        What it spends on that is no visitor's.
        """
        until, before = time.monotonic() + patience, self.processor()
        while time.monotonic() < until:
            time.sleep(LOOKED)
            before, spent = self.processor(), self.processor() - before
            if spent <= IDLE * LOOKED:
                return

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def memory(self) -> float:
        """Memory in MB of the server and of the processes that it has started, what they share counted once."""
        return sum(share_of(pid) for pid in {self.process.pid, *below(self.process.pid)}) / 1000

    def waited(self) -> float:
        """Seconds so far in which its threads could have run, and others had the cores (on Linux), summed.

        Of a thread that ends it knows what it was told of at the last call: it is to be asked every few seconds.
        """
        now = {}
        for task in Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            with suppress(OSError):  # the thread has just ended
                now[task.parent.name] = int(task.read_text().split()[1])
        self._waited += sum(max(0, waited - self._waits.get(name, 0)) for name, waited in now.items())
        self._waits = now
        return self._waited / 1e9

    def processor(self) -> float:
        """Seconds of processor time so far, of the server and of the processes that it has started."""
        return sum(processor_of(pid) for pid in {self.process.pid, *below(self.process.pid)})


def processor_of(process: int) -> float:
    """Seconds of processor time of a process, with those of its children that have ended (on Linux)."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended, and counts with its parent from now on
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS


def share_of(process: int) -> int:
    """Memory of a process in kB, of what it shares with others its share (on Linux)."""
    try:
        return int(re.search(r"Pss:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text())[1])
    except OSError:  # it has just ended
        return 0


def below(process: int) -> set[int]:
    """The processes that a process has started, and those that they have (on Linux)."""
    found: set[int] = set()
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = {int(pid) for pid in task.read_text().split()}
        except OSError:  # the thread has just ended
            continue
        found |= children.union(*map(below, children))
    return found


def exit_status(play: Callable[[], int], log: Path, *ends: Callable[[], None]) -> int:
    """1 where something was wrong, a traceback in the server's log included; whatever happens, `ends` are called."""
    try:
        wrong = play()
    finally:
        for end in ends:
            end()
    if "Traceback" in log.read_text():
        print(log.read_text()[-3000:])
        wrong += 1
    return 1 if wrong else 0
