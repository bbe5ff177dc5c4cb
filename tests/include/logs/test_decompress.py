import bz2
import gzip
import tracemalloc
import zlib
from itertools import repeat

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.errors import StoreUnavailableError
from include.s3logs.logs.decompress import (
    CorruptObjectError,
    recognise,
    unpack,
    unpack_small,
    with_lines,
)
from include.s3logs.logs.limits import LIMITS

TEXT = b"a line\nanother line\n" * 50


def unpacked(data: bytes) -> bytes:
    return b"".join(unpack([data]))


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as frame:
        frame.write(data)
    return sink.getvalue().to_pybytes()


PACK = {"gzip": gzip.compress, "bzip2": bz2.compress, "zstd": zstd}
MAGIC_LENGTH = {"gzip": 2, "bzip2": 3, "zstd": 4}


@pytest.mark.parametrize("name", PACK)
def test_unpacks_by_content(name):
    assert unpacked(PACK[name](TEXT)) == TEXT


@pytest.mark.parametrize("name", PACK)
def test_unpacks_empty_content(name):
    assert unpacked(PACK[name](b"")) == b""


@pytest.mark.parametrize("name", PACK)
def test_joins_members(name):
    pack = PACK[name]
    assert unpacked(pack(b"first\n") + pack(b"") + pack(TEXT)) == b"first\n" + TEXT


@pytest.mark.parametrize("frame_type", [0x50, 0x5F])
def test_zstd_may_begin_with_a_skippable_frame(frame_type):
    skippable = bytes([frame_type]) + b"\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    assert unpacked(skippable + zstd(TEXT)) == TEXT


@pytest.mark.parametrize("data", [b"", b"\n", b"\x1f", b"BZ", b"\x28\xb5\x2f", TEXT, b"\xef\xbb\xbftext"])
def test_anything_else_is_returned_as_it_is(data):
    assert unpacked(data) == data


@pytest.mark.parametrize("name", PACK)
def test_content_cut_short_is_corrupt(name):
    whole = PACK[name](TEXT)
    for length in range(MAGIC_LENGTH[name], len(whole)):
        with pytest.raises(CorruptObjectError, match=f"broken {name} content \\({length} bytes\\)"):
            unpacked(whole[:length])
        with pytest.raises(CorruptObjectError, match=f"broken {name} content \\({length} bytes\\)"):
            list(unpack(cut(whole[:length], 7)))


@pytest.mark.parametrize("name", PACK)
def test_second_member_cut_short_is_corrupt(name):
    pack = PACK[name]
    with pytest.raises(CorruptObjectError):
        unpacked(pack(TEXT) + pack(TEXT)[:-1])


@pytest.mark.parametrize("name", PACK)
def test_nothing_that_follows_is_ignored(name):
    with pytest.raises(CorruptObjectError):
        unpacked(PACK[name](TEXT) + b"something else")


@pytest.mark.parametrize("name", ["gzip", "bzip2"])
def test_a_changed_byte_is_noticed(name):
    whole = bytearray(PACK[name](TEXT))
    whole[len(whole) // 2] ^= 0x10
    with pytest.raises(CorruptObjectError):
        unpacked(bytes(whole))


def test_only_looks_like_gzip():
    with pytest.raises(CorruptObjectError, match="broken gzip"):
        unpacked(b"\x1f\x8bzz")


@pytest.mark.parametrize(("data", "valid"), [(bytes(1), True), (bytes(100_000), True), (b"\0\0x", False)])
def test_gzip_may_be_padded_with_zeros(data, valid):
    for following in (b"", gzip.compress(TEXT)):
        if valid:
            assert unpacked(gzip.compress(TEXT) + data + following) in (TEXT, 2 * TEXT)
        else:
            with pytest.raises(CorruptObjectError):
                unpacked(gzip.compress(TEXT) + data + following)


# Content in pieces


@st.composite
def packed(draw):
    """Members of one codec or none, what they hold, and the places where the whole is cut."""
    name = draw(st.sampled_from(["nothing", *PACK]))
    contents = draw(st.lists(st.binary(max_size=200) | st.just(TEXT), min_size=1, max_size=4))
    if name == "nothing":
        data = b"x" + b"".join(contents)
        content = data
    else:
        data, content = b"".join(map(PACK[name], contents)), b"".join(contents)
    borders = sorted(draw(st.lists(st.integers(0, len(data)), max_size=10)))
    pieces = [data[a:b] for a, b in zip([0, *borders], [*borders, len(data)], strict=True)]
    return pieces, content


@given(packed())
def test_pieces_cut_anywhere_give_what_the_whole_gives(case):
    pieces, content = case
    assert b"".join(unpack(iter(pieces))) == content


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 1000])
def test_pieces_of_any_size_give_what_the_whole_gives(name, size):
    data = PACK[name](TEXT) + PACK[name](b"") + PACK[name](TEXT)
    assert b"".join(unpack(cut(data, size))) == 2 * TEXT
    assert recognise(cut(data, size))[0] == name
    assert b"".join(recognise(cut(data, size))[1]) == data


def bomb(name: str, zeros: int) -> bytes:
    mebibyte, count = bytes(1 << 20), zeros >> 20
    if name == "zstd":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as frame:
            for piece in repeat(mebibyte, count):
                frame.write(piece)
        return sink.getvalue().to_pybytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31) if name == "gzip" else bz2.BZ2Compressor()
    return b"".join(map(packer.compress, repeat(mebibyte, count))) + packer.flush()


@pytest.mark.parametrize("name", PACK)
def test_a_bomb_comes_out_in_small_pieces(name):
    zeros = 64 << 20
    packed = bomb(name, zeros)
    assert len(packed) < zeros / 900
    tracemalloc.start()
    try:
        lengths = [len(piece) for piece in unpack([packed])]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(lengths) == zeros
    assert max(lengths) <= LIMITS.unpacked
    assert peak < 8 << 20


@pytest.mark.parametrize("name", [*PACK, "nothing"])
def test_what_breaks_off_the_pieces_is_not_taken_for_a_corrupt_object(name):
    def pieces():
        yield PACK.get(name, bytes)(TEXT)[:20]
        raise StoreUnavailableError("the store is away")

    with pytest.raises(StoreUnavailableError, match="the store is away"):
        list(unpack(pieces()))


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("before", [b"", b"a line\n"])
@pytest.mark.parametrize("after", [b"", b"\n", b"\na line"])
@pytest.mark.parametrize("size", [10_000, 777])
def test_a_line_that_is_too_long_to_be_one_is_corrupt(over, before, after, size):
    most = 100_000
    pieces = cut(before + b"x" * (most + over) + after, size)
    if over:
        with pytest.raises(CorruptObjectError, match="a line is longer than 100000 bytes"):
            list(with_lines(pieces, most))
    else:
        assert list(with_lines(pieces, most)) == pieces


def test_a_line_of_some_megabytes_is_one():
    pieces = [b"x" * (1 << 20)] * 16
    assert list(with_lines(pieces)) == pieces
    with pytest.raises(CorruptObjectError, match="a line is longer than 16777216 bytes"):
        list(with_lines([*pieces, b"x"]))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 100_000])
def test_only_content_that_is_small_when_it_is_unpacked_is_unpacked_at_once(pack, size):
    content = b"x" * size
    assert unpack_small(pack(content), 1000, 300) == (content if size < 1000 else None)


def test_small_content_that_is_damaged_raises_as_any_other():
    with pytest.raises(CorruptObjectError, match=r"broken gzip content \(\d+ bytes\)"):
        unpack_small(gzip.compress(b"x" * 100)[:-1], 1000)
