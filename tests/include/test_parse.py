"""The fast path (compiled kernel) and the strict path share one judgement on every line."""
# ruff: noqa: E501 (log lines)

import base64
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from include.s3logs.decompress import CorruptObjectError, decompress
from include.s3logs.kernel.repeats import Seen
from include.s3logs.parse import ParsedLog, parse, parse_pieces, select
from include.s3logs.record_tables import REJECTIONS, SCHEMA, from_records
from include.s3logs.selection import Filter, select_strictly
from include.s3logs.strict import Reason, lines, parse_line

EXAMPLES = Path(__file__).parents[1] / "fixtures/examples"
NASTY = [
    json.loads(row)["line"].encode() for row in (EXAMPLES / "nasty_lines.jsonl").read_text().splitlines()
]
ORDINARY = (
    b"79a59df9 amzn-s3-demo-reef [12/May/2026:08:09:10 +0000] 192.0.2.10 - H4QMC3V8WR4NZV5K REST.GET.OBJECT a.txt "
    b'"GET /a.txt HTTP/1.1" 200 - 243 243 9 8 "https://a.example/" "curl/8.4.0" - hostid= SigV4 '
    b"ECDHE-RSA-AES128-GCM-SHA256 AuthHeader amzn-s3-demo-reef.s3.amazonaws.com TLSv1.2 - - us-west-1"
)


def strictly(data):
    """What the strict path alone makes of the content."""
    records, numbers, rejections = [], [], []
    for number, line in lines(data):
        result = parse_line(line)
        if isinstance(result, Reason):
            rejections.append((number, str(result), line))
        else:
            records.append(result)
            numbers.append(number)
    columns = list(zip(*rejections, strict=True)) or [(), (), ()]
    table = pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, REJECTIONS, strict=True)], schema=REJECTIONS
    )
    return ParsedLog(from_records(records, numbers), table)


def same(one, other):
    assert one.rejections.to_pylist() == other.rejections.to_pylist()
    assert one.records.to_pylist() == other.records.to_pylist()
    assert one.records.schema == other.records.schema == SCHEMA


def in_pieces(data, size):
    parts = list(parse_pieces(data[n : n + size] for n in range(0, len(data), size)))
    return ParsedLog(
        pa.concat_tables([SCHEMA.empty_table(), *(p.records for p in parts)]),
        pa.concat_tables([REJECTIONS.empty_table(), *(p.rejections for p in parts)]),
    )


@pytest.fixture(scope="module")
def sample_content(tmp_path_factory):
    from include.s3logs.sample import write_sample

    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder)
    contents = [path.read_bytes() for path in sorted((folder / "logs").rglob("2024-06-0*")) if path.is_file()]
    return b"\n".join(gzip.decompress(c) if c.startswith(b"\x1f\x8b") else c for c in contents)


@pytest.mark.parametrize("line", NASTY, ids=range(len(NASTY)))
def test_every_difficult_line_is_judged_alike(line):
    same(parse(line), strictly(line))


def test_difficult_lines_among_ordinary_ones_keep_their_order():
    data = b"\n".join(line for nasty in NASTY for line in (ORDINARY, nasty, ORDINARY, b""))
    parsed = parse(data)
    same(parsed, strictly(data))
    assert parsed.lines == 3 * len(NASTY)


@pytest.mark.parametrize("row", (EXAMPLES / "objects.jsonl").read_text().splitlines())
def test_every_example_object(row):
    case = json.loads(row)
    expected = case["expected"]
    try:
        data = decompress(base64.b64decode(case["content_b64"]))
    except CorruptObjectError:
        assert expected["file_error"]
        return
    parsed = parse(data)
    assert (parsed.records.num_rows, parsed.rejections.num_rows) == (expected["parsed"], expected["rejected"])
    same(parsed, strictly(data))


def test_the_sample_is_judged_alike_and_read_by_the_kernel_nearly_always(sample_content):
    import numpy as np

    from include.s3logs.kernel.scan import FAST, FAST_IPV6
    from include.s3logs.parse import batches

    same(parse(sample_content), strictly(sample_content))
    verdicts = np.concatenate(
        [lines.verdicts[: lines.count].copy() for lines, _ in batches([sample_content])]
    )
    assert np.isin(verdicts, (FAST, FAST_IPV6)).mean() > 0.95


@pytest.mark.parametrize("size", [1, 2, 7, 100, 5000, 1 << 20])
def test_pieces_of_any_size_give_what_the_whole_gives(size):
    data = b"\xef\xbb\xbf" + b"\r\n".join([ORDINARY, *NASTY[:20], b"", ORDINARY, b"x" * 3000])
    same(in_pieces(data, size), strictly(data))


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\r\n", b"\n\n\n", b"\xef\xbb\xbf", b"\x00", b"\r", b" ", b"-"]
)
def test_hardly_anything(data):
    same(parse(data), strictly(data))
    same(parse(memoryview(data)), strictly(data))


def test_a_line_of_200_kb_and_more_lines_than_a_batch():
    long = ORDINARY.replace(b"curl/8.4.0", b"c" * 200_000)
    data = b"\n".join([ORDINARY] * 9000 + [long] + [ORDINARY] * 10)
    parsed = parse(data)
    assert parsed.records["line_number"].to_pylist() == list(range(1, 9012))
    assert len(parsed.records["user_agent"][9000].as_py()) == 200_000


@pytest.mark.parametrize("window", [1, 3, 64, 1000])
def test_large_pieces_are_taken_in_parts(window, monkeypatch):
    monkeypatch.setattr("include.s3logs.parse._WINDOW", window)
    data = b"\n".join([*NASTY[:10], ORDINARY, b"", ORDINARY])
    same(parse(data), strictly(data))


@pytest.mark.parametrize("extra", [0, 1, 2, 5])
def test_fields_after_the_27th_are_kept(extra):
    data = ORDINARY + b"".join(b" new%d" % n for n in range(extra)) + b"\n" + ORDINARY
    parsed = parse(data)
    same(parsed, strictly(data))
    assert parsed.records["extra"][0].as_py() == [f"new{n}" for n in range(extra)]


# What reduce wants

COLUMNS = ("time", "remote_ip", "operation", "key", "bytes_sent", "http_status")
FILTERS = [
    Filter(frozenset(["REST.GET.OBJECT"]), range(200, 300)),
    Filter(
        frozenset(["REST.HEAD.OBJECT", "REST.GET.OBJECT"]), range(200, 400), lambda ip: ip.startswith("192.")
    ),
    Filter(frozenset(), range(200, 300)),
]


def selected_alike(contents, wanted):
    """Both ways over several objects, with repeats within and across them."""
    seen, known = Seen(), set()
    for data in contents:
        parts = list(select([data], wanted, COLUMNS, seen))
        one = select_strictly(data, wanted, COLUMNS, known)
        assert [row for part in parts for row in part.rows.to_pylist()] == one.rows.to_pylist()
        assert [r for part in parts for r in part.rejections.to_pylist()] == one.rejections.to_pylist()
        for count in ("records", "repeats", "ambiguous"):
            assert sum(getattr(part, count) for part in parts) == getattr(one, count)


@pytest.mark.parametrize("wanted", FILTERS, ids=["default", "excluding", "nothing"])
def test_both_ways_select_the_same_of_the_sample(sample_content, wanted):
    half = len(sample_content) // 2
    selected_alike([sample_content[:half], sample_content, b"", sample_content[half:]], wanted)


@pytest.mark.parametrize("wanted", FILTERS, ids=["default", "excluding", "nothing"])
def test_both_ways_select_the_same_of_difficult_lines(wanted):
    data = b"\r\n".join([*NASTY, ORDINARY, *NASTY[::2], ORDINARY + b"x", ORDINARY])
    selected_alike([data, data.replace(b"\r", b"")], wanted)


def test_a_repeat_is_found_among_many_lines_and_only_there():
    lines_ = [ORDINARY.replace(b"H4QMC3V8WR4NZV5K", b"%016X" % n) for n in range(30_000)]
    seen = Seen()
    everything = Filter(frozenset(["REST.GET.OBJECT"]), range(200, 300))
    found = list(select([b"\n".join([*lines_, *lines_[::3]])], everything, ("key",), seen))
    assert sum(part.repeats for part in found) == 10_000
    assert sum(part.rows.num_rows for part in found) == 30_000


# Mutations: whatever is done to a line, the kernel accepts nothing that the strict path reads otherwise.

# fmt: off
FRAGMENTS = [
    b'"', b" ", b"-", b'" "', b'" 200 - 1 1 1 1 "', b" HTTP/1.1", b"[", b"]", b"[12/May/2026:08:09:10 +0000] ",
    b"\r", b"\t", b"\x00", b"\xff", b"\xc3\xa9", b"999999999999999999999", b"0", b"::1", b"256", b"SigV4", b" - ",
    b"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1", b"+0100", b"Feb", b"31", b"2023", b"24:",
    b"REST.", b".", b" 200 ", b"123", b"\\",
]  # fmt: skip
SEEDS = [ORDINARY, *(line for line in NASTY if len(line) < 2000)]


@st.composite
def mutated(draw):
    line = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(line)))
        kind = draw(st.sampled_from(["insert", "delete", "replace", "swap", "copy"]))
        length = draw(st.integers(1, 40))
        if kind == "insert":
            line = line[:at] + draw(st.sampled_from(FRAGMENTS)) + line[at:]
        elif kind == "delete":
            line = line[:at] + line[at + length :]
        elif kind == "replace":
            line = line[:at] + draw(st.sampled_from(FRAGMENTS)) + line[at + length :]
        elif kind == "swap":
            line = line[:at] + line[at : at + length][::-1] + line[at + length :]
        else:
            line = line[:at] + line[at : at + length] * 2 + line[at + length :]
    return line


@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(mutated(), min_size=1, max_size=5))
@example([ORDINARY.replace(b" - hostid", b" 200 hostid")])
@example([ORDINARY.replace(b"2026:", b"224::")])
@example([ORDINARY.replace(b"2026:", b":026:")])
@example([ORDINARY.replace(b"08:09:10", b"0::09:10")])
@example([ORDINARY.replace(b'"curl/8.4.0"', b'"curl HTTP/1.1"')])
@example(
    [ORDINARY.replace(b" us-west-1", b" [12/May/2026:08:09:10 +0000] 192.0.2.10 - ID REST.GET.OBJECT k - ")]
)
def test_mutated_lines_are_judged_alike(mutants):
    data = b"\n".join(mutants)
    same(parse(data), strictly(data))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_judged_alike(data):
    same(parse(data), strictly(data))
