"""Arrays by name: the same come back, and of any other bytes there is a sentence and nothing else."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.checksums import without_checksum, write_checked
from core.errors import InputError
from core.npz import arrays_of, npz_bytes, read_npz, write_npz

ARRAYS = {
    "a__b": np.array([0.25, np.inf], np.float32),
    "flags": np.array([True, False]),
    "settings": np.array('{"epsilon": 0.1}'),
    "none": np.zeros((0, 3), np.int64),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}
WHOLE = without_checksum(npz_bytes(ARRAYS), "x.npz")


def header(shape, descr):
    """An npy file's head that claims an array."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": descr, "fortran_order": False, "shape": shape})
    return out.getvalue()


def literal(text):
    """An npy file whose head is this text."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def zipped(members, packing=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def changed(data, *places):
    """The bytes with others at some places."""
    found = bytearray(data)
    for place, value in places:
        found[place % len(found)] = value
    return bytes(found)


def central(offset, value):
    """The whole file with a byte of its first entry in the list of contents set."""
    return changed(WHOLE, (WHOLE.index(b"PK\x01\x02") + offset, value))


def arrays_or_sentence(data):
    """Read bytes: plain arrays, or None for an InputError; any other error is let out."""
    try:
        return arrays_of(data, "x.npz", 10**6)
    except InputError:
        return None


def test_arrays_come_back_as_they_were(tmp_path):
    write_npz(ARRAYS, tmp_path / "x.npz")
    back = read_npz(tmp_path / "x.npz")
    assert back.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(back[name], array, strict=True)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as theirs:
        np.testing.assert_array_equal(theirs["columns"], ARRAYS["columns"])


@given(st.binary(max_size=400))
@example(b"")
@example(b"PK\3\4")
@example(b"PK\5\6" + b"\0" * 18)
def test_any_bytes_give_arrays_or_a_sentence(data):
    assert not arrays_or_sentence(data)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@example([(WHOLE.index(b"PK\1\2") + 10, 99)])
def test_changed_bytes_give_arrays_or_a_sentence(places):
    found = arrays_or_sentence(changed(WHOLE, *places))
    assert found is None or not any(array.dtype.hasobject for array in found.values())


@given(st.integers(0, len(WHOLE) - 1))
def test_a_cut_file_is_refused(length):
    assert arrays_or_sentence(WHOLE[:length]) is None


@given(st.binary(max_size=200))
@example(b"{'descr': '<f8', 'fortran_order': False, 'shape': " + b"-" * 9000 + b"1}")
@example(b"(" * 9000)
@example(b"{'descr': [('a', '<f8', (9,9,9,9,9,9,9,9,9,9,9))], 'fortran_order': False, 'shape': (9999,)}")
@example(b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"9" * 5000 + b",)}")
@example(b"{'descr': 'V0', 'fortran_order': False, 'shape': (1000000000000,)}")
@example(b"{'descr': {}, 'fortran_order': False, 'shape': ()}")
def test_any_header_gives_arrays_or_a_sentence(text):
    assert not arrays_or_sentence(zipped({"a.npy": literal(text)}))


@pytest.mark.parametrize(
    "data",
    [
        header((2**40,), "<f8"),
        header((1,), "|O") + b"cos\nsystem\n.",
        b"hello",
        header((2,), "<f8") + b"\0" * 17,
        header((-1,), "<f8") + b"\0" * 8,
        header((-1, -1), "<f8") + b"\0" * 8,
        header((1,), "<f8").replace(b"NUMPY\x01", b"NUMPY\x07") + b"\0" * 8,
    ],
    ids=["huge", "pickle", "no array", "long", "negative", "twice negative", "another form"],
)
def test_hostile_arrays_are_refused_before_memory_is_taken(data):
    assert arrays_or_sentence(zipped({"settings.npy": data})) is None


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (central(10, 99), "packed in another way"),  # NotImplementedError
        (central(8, 1), "encrypted"),  # RuntimeError
        (zipped({"a.npy": header((2,), "|i1") + b"ab"}, zipfile.ZIP_LZMA), "packed in another way"),
        (zipped({"a.npy": header((10**7,), "|i1") + b"\0" * 10**7}, zipfile.ZIP_DEFLATED), "or 1 MB"),
        (zipped({f"{i}.npy": b"" for i in range(4001)}), "4,000 arrays"),
    ],
    ids=["method", "password", "lzma", "bomb", "many"],
)
def test_archives_that_are_no_npz_are_refused_in_a_sentence(data, what):
    with pytest.raises(InputError, match=what):
        arrays_of(data, "x.npz", 10**6)


def test_a_broken_stream_is_a_sentence():
    """zlib's own error, which is neither a ValueError nor a BadZipFile."""
    start = WHOLE.index(b".npy") + len(b".npy") + 20  # behind the first local header and its zip64 field
    with pytest.raises(InputError, match="holds no readable arrays"):
        arrays_of(changed(WHOLE, *((start + step, 0xFF) for step in range(12))), "x.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for value in (b"\1", b"\2"):
            archive.writestr("a.npy", header((1,), "|i1") + value)
    with pytest.raises(InputError, match="same name"):
        arrays_of(out.getvalue(), "x.npz")


def test_no_pickle_is_written_or_read(tmp_path):
    with pytest.raises(InputError, match="Python objects"):
        write_npz({"a": np.array([{}], object)}, tmp_path / "x.npz")
    file = io.BytesIO()
    np.savez(file, a=np.array([{}], object))
    write_checked(tmp_path / "y.npz", file.getvalue())
    with pytest.raises(InputError, match=r"y\.npz holds no readable arrays"):
        read_npz(tmp_path / "y.npz")


def test_missing_and_large_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="could not be read"):
        read_npz(tmp_path / "absent.npz")
    with pytest.raises(InputError, match="could not be read"):
        read_npz(tmp_path)
    write_npz(ARRAYS, tmp_path / "x.npz")
    with pytest.raises(InputError, match="larger than"):
        read_npz(tmp_path / "x.npz", 100)
