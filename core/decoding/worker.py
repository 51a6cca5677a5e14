"""A process that decodes one file after the other for `core.decoding.pool`, under limits of its own.

It reads requests from its standard input and answers on its standard output:

- a request: background (its place in `BACKGROUNDS`, 1 byte), length (8 bytes), the file.
- an answer: length (8 bytes), JSON; where it holds `width` and `height`, the pixels follow (height x width x 3 bytes),
  and behind them, where it holds `levels`, the samples (height x width x 2 bytes).
"""

import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from core.decoding.child import limit_memory, limit_time
from core.decoding.decoder import BACKGROUNDS, decode
from core.decoding.picture import Background, Picture
from core.errors import InputError

READY = b"ready\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may take to decode.

    Attributes:
        seconds: by the clock; a crowded machine gives a core in small parts.
        cpu_seconds: of a processor.
        memory: bytes of the worker's address space; a WebP of 40 megapixels takes 850 MiB, libraries and buffers the
            rest.
    """

    seconds: float = 60.0
    cpu_seconds: int = 15
    memory: int = 1_500_000_000


def main(cpu_seconds: int, memory: int) -> None:
    """Serve until the standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent, which closes the pipe
    if hasattr(signal, "SIGPIPE"):  # not on Windows
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever asked has gone: so does this, without a word
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand among the answers
    limit_memory(memory)
    answers.write(READY)
    answers.flush()
    names = [cast(Background, name) for name in BACKGROUNDS]
    while head := sys.stdin.buffer.read(9):
        data = sys.stdin.buffer.read(int.from_bytes(head[1:], "little"))
        limit_time(cpu_seconds)
        _answer(answers, data, names[head[0]])


def _answer(out: BinaryIO, data: bytes, background: Background) -> None:
    try:
        picture = decode(data, background)
    except InputError as error:
        _send(out, {"error": str(error)})
    except MemoryError:
        _send(out, {"error": "The picture takes more memory to decode than is given to one picture.", "last": True})
    else:
        _send(out, {"format": picture.format, "notes": picture.notes}, picture)


def _send(out: BinaryIO, answer: dict[str, Any], picture: Picture | None = None) -> None:
    if picture is not None:
        answer |= {"width": picture.width, "height": picture.height}
        if picture.levels is not None:
            fields = ("offset", "slope", "start")
            answer["levels"] = {field: getattr(picture.levels, field) for field in fields}
            answer["levels"]["curve"] = picture.levels.curve.tolist()
    text = json.dumps(answer).encode()
    out.write(len(text).to_bytes(8, "little") + text)
    if picture is not None:
        out.write(picture.pixels.reshape(-1).data)
        if picture.levels is not None:
            out.write(picture.levels.samples.reshape(-1).data)
    out.flush()
