import bz2
import gzip

import pyarrow as pa
import pytest

from include.s3logs.decompress import CorruptObjectError, decompress

TEXT = b"a line\nanother line\n" * 50


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as frame:
        frame.write(data)
    return sink.getvalue().to_pybytes()


PACK = {"gzip": gzip.compress, "bzip2": bz2.compress, "zstd": zstd}
MAGIC_LENGTH = {"gzip": 2, "bzip2": 3, "zstd": 4}


@pytest.mark.parametrize("packing", PACK)
def test_unpacks_by_content(packing):
    assert decompress(PACK[packing](TEXT)) == TEXT


@pytest.mark.parametrize("packing", PACK)
def test_unpacks_empty_content(packing):
    assert decompress(PACK[packing](b"")) == b""


@pytest.mark.parametrize("packing", PACK)
def test_joins_members(packing):
    pack = PACK[packing]
    assert decompress(pack(b"first\n") + pack(b"") + pack(TEXT)) == b"first\n" + TEXT


@pytest.mark.parametrize("frame_type", [0x50, 0x5F])
def test_zstd_may_begin_with_a_skippable_frame(frame_type):
    skippable = bytes([frame_type]) + b"\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    assert decompress(skippable + zstd(TEXT)) == TEXT


@pytest.mark.parametrize("data", [b"", b"\n", b"\x1f", b"BZ", b"\x28\xb5\x2f", TEXT, b"\xef\xbb\xbftext"])
def test_anything_else_is_returned_as_it_is(data):
    assert decompress(data) == data


@pytest.mark.parametrize("packing", PACK)
def test_content_cut_short_is_corrupt(packing):
    whole = PACK[packing](TEXT)
    for length in range(MAGIC_LENGTH[packing], len(whole)):
        with pytest.raises(CorruptObjectError, match=f"broken {packing} content \\({length} bytes\\)"):
            decompress(whole[:length])


@pytest.mark.parametrize("packing", PACK)
def test_second_member_cut_short_is_corrupt(packing):
    pack = PACK[packing]
    with pytest.raises(CorruptObjectError):
        decompress(pack(TEXT) + pack(TEXT)[:-1])


@pytest.mark.parametrize("packing", PACK)
def test_nothing_that_follows_is_ignored(packing):
    with pytest.raises(CorruptObjectError):
        decompress(PACK[packing](TEXT) + b"something else")


@pytest.mark.parametrize("packing", ["gzip", "bzip2"])
def test_a_changed_byte_is_noticed(packing):
    whole = bytearray(PACK[packing](TEXT))
    whole[len(whole) // 2] ^= 0x10
    with pytest.raises(CorruptObjectError):
        decompress(bytes(whole))


def test_only_looks_like_gzip():
    with pytest.raises(CorruptObjectError, match="broken gzip"):
        decompress(b"\x1f\x8bzz")
