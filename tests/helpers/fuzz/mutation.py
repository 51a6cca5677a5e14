"""Files changed at random, where no tool that watches the code's branches is there."""

import random
from collections.abc import Sequence

_NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF)


def mutated(seeds: Sequence[bytes], rng: random.Random, most: int) -> bytes:
    """One of the seeds with one to eight changes: bits, bytes, numbers, parts left out, doubled or of another seed."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 8)):
        start = rng.randint(0, len(data))
        stop = min(len(data), start + rng.choice((1, 1, 2, 4, 8, 64)))
        match rng.randrange(6):
            case 0 if data:
                data[min(start, len(data) - 1)] ^= 1 << rng.randrange(8)
            case 1:
                data[start:stop] = rng.randbytes(stop - start)
            case 2:
                size = rng.choice((1, 2, 4, 8))
                data[start : start + size] = rng.choice(_NUMBERS).to_bytes(8, "little")[:size][:: rng.choice((1, -1))]
            case 3:
                del data[start:stop]
            case 4:
                data[start:start] = data[start:stop]
            case _:
                other = rng.choice(seeds)
                place = rng.randint(0, len(other))
                data[start:stop] = other[place : place + rng.randint(1, 64)]
    return bytes(data[:most])
