"""A file of ours is read as it was written or not at all: no single bit may differ, in any kind of file."""

import random
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.anomaly.batch_parts import TableParts
from core.anomaly.calibration import ASSETS as CALIBRATIONS
from core.anomaly.calibration import read_calibration
from core.anomaly.label_references import read_references, references_path
from core.checksums import State, checked, lacking, read_checked, stamp, with_checksum, without_checksum, write_checked
from core.cli.main import main
from core.data.galleries import ASSETS as GALLERY
from core.errors import InputError
from core.images import decode
from core.latent import autoencoder
from core.models import zoo
from core.npz import read_npz
from core.reports.form.parts_cache import PartsCache
from core.reports.form.report import ASSETS as REPORTS
from core.reports.form.report import read_report
from core.reports.form.resume import Measured
from core.training.checkpoint import read_checkpoint, write_checkpoint

FLIPS = 200
TASK = "fashion-mnist"


def part(folder):
    cache = PartsCache(folder, {"seed": 0})
    cache.get("part", "weights", lambda: {"found": np.arange(50.0)})
    (path,) = cache.folder.iterdir()
    return path, lambda path: cache.get("part", "weights", lambda: pytest.fail("it was measured again"))


def rows_of_a_table(folder):
    parts = TableParts(folder / "table.csv", "stated")
    row = {"path": "a.png", "sha256": "0", "model": "standard", "detector": "msp", "score": 0.5, "p_value": 0.1}
    parts.write([row | {"error": None}])
    (path,) = parts.folder.glob("*.parquet")
    return path, lambda path: parts.done()


def checkpoint(folder):
    write_checkpoint({"epoch": 3, "history": "[]"}, folder)
    return folder / "checkpoint.pt", lambda path: read_checkpoint(path.parent, "cpu")


def shipped(path, read, *others):
    def copied(folder):
        for each in (path, *others):
            (folder / each.name).write_bytes(each.read_bytes())
        return folder / path.name, read

    return copied


@cache
def network():
    return zoo.load_zoo_model(TASK, "standard")


def with_its_network(read):
    return lambda path: read(network(), path)


MODEL = zoo.ASSETS / TASK / "standard.json"
KINDS = {
    "report": shipped(REPORTS / TASK / "accuracy.json", read_report),
    "arrays of a report": shipped(
        REPORTS / TASK / "transfer.npz",
        lambda path: Measured.read(path.with_suffix(".json")),
        REPORTS / TASK / "transfer.json",
    ),
    "calibration": shipped(CALIBRATIONS / TASK / "standard.npz", with_its_network(read_calibration)),
    "references": shipped(references_path(TASK, "standard"), with_its_network(read_references)),
    "card": shipped(MODEL, zoo.read_card),
    "weights": shipped(MODEL.with_suffix(".safetensors"), zoo.load_weights, MODEL),
    "card of a generator": shipped(autoencoder.ASSETS / f"{TASK}.json", autoencoder.read_card),
    "picture": shipped(GALLERY / "pasted" / "02-trouser.png", lambda path: decode(read_checked(path, 10**6))),
    "mask": shipped(GALLERY / "pasted" / "mask-02.png", lambda path: decode(read_checked(path, 10**6))),
    "part of a report": part,
    "part of a table": rows_of_a_table,
    "checkpoint": checkpoint,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_single_bit_that_differs_is_accepted(kind, tmp_path):
    path, read = KINDS[kind](tmp_path)
    read(path)  # as it was written
    whole, draw = path.read_bytes(), random.Random(kind)
    accepted = []
    for _ in range(FLIPS):
        data, at = bytearray(whole), draw.randrange(8 * len(whole))
        data[at // 8] ^= 1 << at % 8
        path.write_bytes(data)
        sentence = _refused(read, path)
        if not sentence or "\n" in sentence:
            accepted.append((at, sentence))
    assert not accepted


def _refused(read, path):
    """The sentence that a file is refused with; "" where it is not. Any other error is let out."""
    try:
        read(path)
    except InputError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"weights"}))
def test_a_file_without_its_checksum_is_refused_until_it_is_given_one_that_changes_nothing_else(kind, tmp_path):
    path, read = KINDS[kind](tmp_path)
    whole = path.read_bytes()
    path.write_bytes(without_checksum(whole, path.name))
    with pytest.raises(InputError):
        read(path)
    assert stamp(path) is State.MISSING and path.read_bytes() == whole
    read(path)
    assert stamp(path) is State.FITS and path.read_bytes() == whole


@given(
    st.binary(max_size=50)
    | st.binary(max_size=50).map(lambda data: b"{" + data)
    | st.binary(max_size=50).map(lambda data: b"\x89PNG\r\n\x1a\n" + data + b"\0\0\0\0IEND\xaeB`\x82")
    | st.binary(max_size=50).map(lambda data: b"\x89PNG\r\n\x1a\n" + data)
    | st.binary(max_size=50).map(lambda data: b"PK\3\4" + data + b"PK\5\6" + bytes(18)),
    st.data(),
)
def test_any_bytes_come_back_and_no_other_bytes_do(data, drawn):
    whole = with_checksum(data)
    assert without_checksum(whole, "x") == data and checked(whole)[0] is State.FITS
    at = drawn.draw(st.integers(0, 8 * len(whole) - 1))
    other = bytearray(whole)
    other[at // 8] ^= 1 << at % 8
    with pytest.raises(InputError, match=r"^x (carries no checksum|is damaged)"):
        without_checksum(bytes(other), "x")


def test_other_readers_see_nothing_of_it(tmp_path):
    with np.load(KINDS["arrays of a report"](tmp_path)[0]) as theirs:
        ours = read_npz(tmp_path / "transfer.npz")
        assert theirs.files == list(ours)
        assert all(np.array_equal(theirs[name], array) for name, array in ours.items())
    path = KINDS["picture"](tmp_path)[0]
    assert np.array_equal(decode(path.read_bytes()).pixels, decode(read_checked(path, 10**6)).pixels)


def test_the_command_stamps_what_has_none_and_leaves_what_does_not_fit(tmp_path, capsys):
    """As after reports were remade by older code, or merged by hand."""
    new, merged, fine = (tmp_path / "deep" / f"{name}.json" for name in ("new", "merged", "fine"))
    for path in (merged, fine):
        write_checked(path, b'{\n "a": 1\n}\n')
    new.write_bytes(b'{\n "a": 1\n}\n')
    merged.write_bytes(merged.read_bytes().replace(b'"a": 1', b'"a": 2'))
    (tmp_path / "notes.txt").write_text("not ours")
    run = partial(main, ["stamp", str(tmp_path)])
    assert main(["stamp", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().out
    assert "new.json: its checksum is missing" in said and "merged.json: its checksum does not fit" in said
    assert "fine.json" not in said and "notes.txt" not in said
    assert run() == 1 and new.read_bytes() == fine.read_bytes()
    assert lacking([tmp_path]) == [(merged, State.WRONG)]  # damage is not made good by itself
    assert main(["stamp", str(tmp_path), "--again"]) == 0 and not lacking([tmp_path])
    assert without_checksum(merged.read_bytes(), "x") == b'{\n "a": 2\n}\n'
    assert main(["stamp", str(Path(tmp_path, "nowhere"))]) == 2
