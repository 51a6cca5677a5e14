"""A file that takes too much ends its decoder and nothing else; the next file finds a new one."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from core.decoding import child
from core.decoding import pool as module
from core.decoding.decoder import decode as decode_here
from core.decoding.pool import Pool
from core.decoding.worker import READY, Limits
from core.errors import InputError
from tests.helpers.decoding.files import encoded, photo

pytestmark = pytest.mark.slow

GOOD = encoded(Image.fromarray(photo()), "PNG")


@pytest.fixture
def made():
    """Pools that end with the test."""
    pools = []

    def make(*args, **limits):
        pools.append(Pool(*args, limits=Limits(**limits)))
        return pools[-1]

    yield make
    for each in pools:
        each.close()


def slow(pieces: int = 7_000_000) -> bytes:
    """A GIF whose comment comes byte by byte: Pillow reads it so, and copies all of it for each."""
    whole = encoded(Image.new("L", (8, 8)), "GIF")
    at = whole.index(b"\x2c")
    return whole[:at] + b"\x21\xfe" + b"\x01x" * pieces + b"\0" + whole[at:]


def test_what_takes_too_long_by_the_clock_is_ended_and_the_next_file_is_read(made):
    pool = made(1, seconds=1.0)
    with pytest.raises(InputError, match="more than 1 seconds to decode"):
        pool.decode(slow(), "white")
    np.testing.assert_array_equal(pool.decode(GOOD, "white").pixels, photo())


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process there")
def test_what_takes_too_long_of_a_processor_is_ended_and_earlier_files_do_not_count(made):
    pool = made(1, cpu_seconds=1, memory=6_000_000_000)  # of which it would run out first on a quick machine
    with pytest.raises(InputError, match="1 seconds of a processor"):
        pool.decode(slow(24_000_000), "white")
    worker = pool._take()
    pool._idle.append(worker)
    large = encoded(Image.fromarray(photo(1500, 1500)), "PNG")
    for _ in range(25):  # more than a second together
        pool.decode(large, "white")
    assert pool._idle == [worker]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold the limit of memory")
def test_what_takes_too_much_memory_is_refused_with_that_reason(made):
    with pytest.raises(InputError, match="more memory"):
        made(1, memory=400_000_000).decode(encoded(Image.new("RGB", (6000, 6000)), "PNG"), "white")


def test_a_decoder_that_is_killed_costs_one_file(made):
    pool = made(1)
    pool.decode(GOOD, "white")
    victim = pool._idle[0].process
    victim.kill()
    victim.wait()
    np.testing.assert_array_equal(pool.decode(GOOD, "white").pixels, photo())  # it waited: nothing is lost
    busy = pool._idle[0].process
    timer = threading.Timer(0.5, busy.kill)
    timer.start()
    with pytest.raises(InputError, match="ended the program"):
        pool.decode(slow(), "white")
    np.testing.assert_array_equal(pool.decode(GOOD, "white").pixels, photo())


def test_an_interrupt_leaves_no_half_answer_in_a_pipe(made, monkeypatch):
    pool = made(1)
    pool.decode(GOOD, "white")

    def interrupted(self, count):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module._Worker, "_read", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pool.decode(GOOD, "white")
    assert not pool._idle
    other = encoded(Image.fromarray(photo(30, 30)), "PNG")
    assert pool.decode(other, "white").width == 30


def test_many_threads_each_get_their_own_picture_from_two_decoders(made):
    pool, sizes = made(2), list(range(20, 60))
    files = {size: encoded(Image.fromarray(photo(size, size)), "PNG") for size in sizes}

    def right(size):
        return np.array_equal(pool.decode(files[size], "white").pixels, photo(size, size))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(right, sizes * 3))
    assert 1 <= len(pool._idle) <= 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_a_forked_process_has_decoders_of_its_own(made):
    """Two processes that share a pipe would read each other's pictures."""
    code = (
        "import io, os, sys\nimport numpy as np\nfrom PIL import Image\n"
        "from core.decoding.pool import pool\n"
        "def file(level):\n    out = io.BytesIO()\n    Image.new('L', (9, 9), level).save(out, 'PNG')\n"
        "    return out.getvalue()\n"
        "pool().decode(file(1), 'white')\n"
        "child = os.fork()\n"
        "mine = 10 if child == 0 else 200\n"
        "ok = all((pool().decode(file(mine + i % 40), 'white').pixels == mine + i % 40).all() for i in range(200))\n"
        "if child == 0:\n    pool().close(); os._exit(0 if ok else 1)\n"
        "sys.exit(0 if ok and os.waitpid(child, 0)[1] == 0 else 1)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


def test_the_decoder_starts_without_the_heavy_libraries_and_ends_with_its_parent():
    code = (
        "import sys\nfrom core.decoding.pool import pool\n"
        f"pool().decode({GOOD!r}, 'white')\n"
        "print(pool()._idle[0].process.pid, any(name in sys.modules for name in ('torch', 'streamlit', 'pandas')))\n"
        "sys.stdout.flush()\n"
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    pid, heavy = done.stdout.split()
    assert heavy == "False" and done.returncode == -signal.SIGKILL
    for _ in range(100):
        if not _alive(int(pid)):
            break
        time.sleep(0.1)
    assert not _alive(int(pid))


def test_a_decoder_whose_parent_has_gone_says_nothing():
    """A server that is killed while a file is read would leave a traceback in its log for each."""
    worker = child.start("core.decoding.worker", (15, Limits().memory), subprocess.PIPE)
    assert worker.stdout.read(len(READY)) == READY
    worker.stdout.close()
    _, said = worker.communicate(bytes([0]) + len(GOOD).to_bytes(8, "little") + GOOD, timeout=120)
    assert said == b"" and worker.returncode == -signal.SIGPIPE


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def test_the_decoders_say_the_same_as_this_process(made):
    data = encoded(Image.fromarray(photo()).convert("CMYK"), "TIFF")
    found, here = made(1).decode(data, "grey"), decode_here(data, "grey")
    assert (found.notes, found.format, found.digest) == (here.notes, here.format, here.digest)
    with pytest.raises(ValueError, match="read-only"):
        found.pixels[0, 0, 0] = 0
