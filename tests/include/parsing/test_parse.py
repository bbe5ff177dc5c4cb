"""The fast path (compiled kernel) and the strict path share one judgement on every line."""
# ruff: noqa: E501 (log lines)

import base64
import bz2
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise, product

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from include.s3logs.logs.decompress import CorruptObjectError, recognise, unpack
from include.s3logs.parsing.columns import _DecodedKey
from include.s3logs.parsing.limits import LIMITS, Limits
from include.s3logs.parsing.lines import Lines
from include.s3logs.parsing.parse import (
    ParsedLog,
    Selector,
    parse,
    parse_pieces,
    scanned,
)
from include.s3logs.parsing.record_tables import REJECTIONS, SCHEMA
from include.s3logs.parsing.selection import Filter
from include.s3logs.parsing.strict import Reason, decode_key, lines, parse_line
from include.s3logs.parsing.whole_lines import whole_lines
from tests.support.paths import EXAMPLES

NASTY = [
    json.loads(row)["line"].encode() for row in (EXAMPLES / "nasty_lines.jsonl").read_text().splitlines()
]
ORDINARY = (
    b"79a59df9 amzn-s3-demo-reef [12/May/2026:08:09:10 +0000] 192.0.2.10 - H4QMC3V8WR4NZV5K REST.GET.OBJECT a.txt "
    b'"GET /a.txt HTTP/1.1" 200 - 243 243 9 8 "https://a.example/" "curl/8.4.0" - hostid= SigV4 '
    b"ECDHE-RSA-AES128-GCM-SHA256 AuthHeader amzn-s3-demo-reef.s3.amazonaws.com TLSv1.2 - - us-west-1"
)


def from_records(records, numbers):
    """Records of the strict path, and their line numbers, as a table."""
    keys = [record.key and decode_key(record.operation, record.key) for record in records]
    columns = [*zip(*records, strict=True)] or [()] * 29
    arrays = [pa.array(c, f.type) for c, f in zip([*columns, numbers, keys], SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


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
    return of_pieces(data[n : n + size] for n in range(0, len(data), size))


def of_pieces(pieces):
    parts = list(parse_pieces(pieces))
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


@pytest.mark.parametrize("operation", [b"REST.GET.OBJECT", b"-"])
def test_glued_lines_are_judged_alike(operation):
    """Wherever the first of the two records, or the second one, is cut."""
    second = ORDINARY.replace(b"REST.GET.OBJECT", operation)
    cut = [ORDINARY + second[:n] for n in range(len(second))] + [
        ORDINARY[:n] + second for n in range(len(ORDINARY))
    ]
    data = b"\n".join(cut)
    same(parse(data), strictly(data))


@pytest.mark.parametrize("version", [b"-", b"V1"])
@pytest.mark.parametrize("agents", [b'"a" "b"', b'"a" "b" -', b'"-" -', b'- "b"', b"- -"])
def test_fields_after_the_user_agent_are_judged_alike(agents, version):
    """However many there are, and whichever of them are dashes."""
    head = ORDINARY[: ORDINARY.index(b'"https:')]
    values = [
        (b"-", b"hostid=", b"Si"),
        (b"-", b"SigV4", b"2"),
        (b"-", b"SigV4", b"TLS"),
        (b"-", b"9"),
        (b"-",),
    ]
    tails = [tail for n in range(len(values) + 1) for tail in product(*values[:n])]
    data = b"\n".join(b" ".join([head + agents, version, *tail]) for tail in tails)
    same(parse(data), strictly(data))


def test_difficult_lines_among_ordinary_ones_keep_their_order():
    data = b"\n".join(line for nasty in NASTY for line in (ORDINARY, nasty, ORDINARY, b""))
    parsed = parse(data)
    same(parsed, strictly(data))
    assert parsed.lines == 3 * len(NASTY)


@pytest.mark.parametrize("row", (EXAMPLES / "objects.jsonl").read_text().splitlines())
def test_every_example_object(row):
    case = json.loads(row)
    expected = case["expected"]
    content = base64.b64decode(case["content_b64"])
    try:
        parsed = parse(content)
    except CorruptObjectError:
        assert expected["file_error"]
        return
    assert not expected["file_error"]
    assert (parsed.records.num_rows, parsed.rejections.num_rows) == (expected["parsed"], expected["rejected"])
    same(parsed, strictly(b"".join(unpack([content]))))


PACK = {"gzip": gzip.compress, "bzip2": bz2.compress, "zstd": pa.Codec("zstd").compress}


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_packed_content_gives_what_is_packed_in_it(packing, size):
    data = b"\n".join([ORDINARY, *NASTY[:20], b"", ORDINARY])
    packed = bytes(PACK[packing](data))
    same(in_pieces(packed, size), strictly(data))
    same(parse(memoryview(packed)), strictly(data))
    with pytest.raises(CorruptObjectError, match=packing):
        parse(packed[:-8])


def test_the_sample_is_judged_alike_and_read_by_the_kernel_nearly_always(sample_content):
    import numpy as np

    from include.s3logs.parsing.kernel.layout import FAST

    same(parse(sample_content), strictly(sample_content))
    verdicts = np.concatenate(
        [lines.verdicts[: lines.count].copy() for lines in scanned(whole_lines([sample_content]), Lines())]
    )
    assert (verdicts == FAST).mean() > 0.95


@pytest.mark.parametrize("size", [1, 2, 7, 100, 5000, 1 << 20])
def test_pieces_of_any_size_give_what_the_whole_gives(size):
    data = b"\xef\xbb\xbf" + b"\r\n".join([ORDINARY, *NASTY[:20], b"", ORDINARY, b"x" * 3000])
    same(in_pieces(data, size), strictly(data))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_cut_anywhere_it_gives_what_the_whole_gives(data):
    separators = st.sampled_from([b"\n", b"\r\n", b"\n\n"])
    chosen = data.draw(st.lists(st.tuples(st.sampled_from([ORDINARY, *NASTY]), separators), max_size=12))
    content = b"".join(line + separator for line, separator in chosen)
    content = content[: data.draw(st.integers(0, len(content)))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    pieces = [content[a:b] for a, b in pairwise([0, *cuts, len(content)])]
    same(of_pieces(pieces), parse(content))


def test_very_short_lines_are_given_some_at_a_time():
    parts = list(parse_pieces([b"x\n" * 150_000] * 2))
    assert sum(part.rejections.num_rows for part in parts) == 300_000
    assert max(part.rejections.num_rows for part in parts) < 100_000


def test_after_very_short_lines_long_ones_are_read_as_ever():
    long = ORDINARY.replace(b"curl/8.4.0", b"c" * 200_000)
    data = b"\n" * 50_000 + b"\n".join([long, ORDINARY, long]) + b"\n" * 20_000 + ORDINARY
    parsed = parse(data)
    assert parsed.records["line_number"].to_pylist() == [50_001, 50_002, 50_003, 70_003]


def test_several_threads_may_parse_at_once():
    contents = [
        b"\n".join(ORDINARY.replace(b"H4QMC3V8WR4NZV5K", b"%d" % (n * of)) for n in range(3000))
        for of in range(1, 40)
    ]
    expected = [parse(data).records for data in contents]
    with ThreadPoolExecutor(4) as pool:
        assert [parsed.records for parsed in pool.map(parse, contents)] == expected


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\r\n", b"\n\n\n", b"\xef\xbb\xbf", b"\x00", b"\r", b" ", b"-"]
)
def test_hardly_anything(data):
    same(parse(data), strictly(data))
    same(parse(memoryview(data)), strictly(data))


def test_a_line_of_many_pieces():
    long = ORDINARY.replace(b"curl/8.4.0", b"c" * 3_000_000)
    data = b"\n".join([ORDINARY, long, ORDINARY])
    parsed = in_pieces(data, 100)
    assert parsed.records["line_number"].to_pylist() == [1, 2, 3]
    assert len(parsed.records["user_agent"][1].as_py()) == 3_000_000


def test_a_line_of_200_kb_and_more_lines_than_a_batch():
    long = ORDINARY.replace(b"curl/8.4.0", b"c" * 200_000)
    data = b"\n".join([ORDINARY] * 9000 + [long] + [ORDINARY] * 10)
    parsed = parse(data)
    assert parsed.records["line_number"].to_pylist() == list(range(1, 9012))
    assert len(parsed.records["user_agent"][9000].as_py()) == 200_000


@pytest.mark.parametrize("window", [1, 3, 64, 1000])
def test_large_pieces_are_taken_in_parts(window):
    data = b"\n".join([*NASTY[:10], ORDINARY, b"", ORDINARY])
    found = [buffer[begin:end].tobytes() for buffer, begin, end in whole_lines([data], window)]
    assert len(found) > 1
    assert all(part.endswith(b"\n") for part in found)
    assert b"".join(found) == data + b"\n"


@pytest.mark.parametrize("extra", [0, 1, 2, 5])
def test_fields_after_the_27th_are_kept(extra):
    data = ORDINARY + b"".join(b" new%d" % n for n in range(extra)) + b"\n" + ORDINARY
    parsed = parse(data)
    same(parsed, strictly(data))
    assert parsed.records["extra"][0].as_py() == [f"new{n}" for n in range(extra)]


# What reduce wants

_OPERATIONS = ("REST.GET.OBJECT", "BATCH.DELETE.OBJECT", "S3.EXPIRE.OBJECT", "S3.EXPIRE.OBJECTS", "-")
_KEY_PARTS = st.sampled_from(
    [*"%+-2a5Fg/é", "%25", "%2B", "%C3%A9", "%25C3%25A9", "%ff", "%25%32%35", "%00", "%2"]
)
_LOGGED_KEYS = st.lists(_KEY_PARTS, min_size=1, max_size=12).map("".join)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_OPERATIONS), _LOGGED_KEYS), min_size=1, max_size=40))
@example([("REST.GET.OBJECT", "%ff"), ("REST.GET.OBJECT", "a%20b"), ("REST.GET.OBJECT", "-")])
def test_keys_are_decoded_as_their_operation_encodes_them(logged):
    data = b"\n".join(
        ORDINARY.replace(b" REST.GET.OBJECT a.txt ", f" {operation} {key} ".encode())
        for operation, key in logged
    )
    records = parse(data).records
    assert records["key"].to_pylist() == [None if key == "-" else key for _, key in logged]
    assert records["object_key"].to_pylist() == [
        None if key == "-" else decode_key(operation, key) for operation, key in logged
    ]


COLUMNS = ("time", "remote_ip", "operation", "object_key", "bytes_sent", "http_status")
FILTERS = [
    Filter(frozenset(["REST.GET.OBJECT"]), range(200, 300)),
    Filter(
        frozenset(["REST.HEAD.OBJECT", "REST.GET.OBJECT"]), range(200, 400), lambda ip: ip.startswith("192.")
    ),
    Filter(frozenset(), range(200, 300)),
]


def selected_strictly(data, wanted, known):
    """What the strict path says counts: (rows, rejections, records, repeats, ambiguous)."""
    rows, rejections, records, repeats, ambiguous = [], [], 0, 0, 0
    for number, line in lines(data):
        record = parse_line(line)
        if isinstance(record, Reason):
            rejections.append({"line_number": number, "reason": str(record), "raw": line})
            continue
        records += 1
        repeats += line in known
        excluded = wanted.excludes is not None and record.remote_ip and wanted.excludes(record.remote_ip)
        of_interest = record.operation in wanted.operations and record.http_status in wanted.statuses
        if line not in known and of_interest and not excluded:
            ambiguous += record.ambiguous
            rows += from_records([record], [number]).select(COLUMNS).to_pylist()
        known.add(line)
    return rows, rejections, records, repeats, ambiguous


def all_selected_strictly(contents, wanted):
    """The same of several objects together."""
    known = set()
    every = [selected_strictly(data, wanted, known) for data in contents]
    return (
        *([row for of in every for row in of[n]] for n in (0, 1)),
        *(sum(of[n] for of in every) for n in (2, 3, 4)),
    )


def all_of(parts):
    return (
        [row for part in parts for row in part.rows.to_pylist()],
        [
            {"line_number": rejection.number, "reason": str(rejection.reason), "raw": rejection.raw}
            for part in parts
            for share in part.shares
            for rejection in share.rejections
        ],
        *(sum(getattr(part, count) for part in parts) for count in ("records", "repeats", "ambiguous")),
    )


def one_by_one(selector, contents):
    return [part for data in contents for part in selector.select([data])] + list(selector.finish())


def together(selector, contents):
    return [*selector.select_joined(contents), *selector.finish()]


def mixed(selector, contents):
    """Some together, some alone."""
    found, rest = [], list(contents)
    for n in range(len(rest)):
        some = [rest.pop(0) for _ in range(min(n, len(rest)))]
        found += [*selector.select_joined(some)]
        if rest:
            found += [*selector.select([rest.pop(0)])]
    return found + list(selector.finish())


WAYS = [one_by_one, together, mixed]


def selected_alike(contents, wanted, limits=LIMITS):
    """All ways over several objects, with repeats within and across them."""
    expected = all_selected_strictly(contents, wanted)
    for way in WAYS:
        assert all_of(way(Selector(wanted, COLUMNS, limits), contents)) == expected, way


@pytest.mark.parametrize("wanted", FILTERS, ids=["default", "excluding", "nothing"])
def test_both_paths_select_the_same_of_the_sample(sample_content, wanted):
    half = len(sample_content) // 2
    selected_alike([sample_content[:half], sample_content, b"", sample_content[half:]], wanted)


@pytest.mark.parametrize("wanted", FILTERS, ids=["default", "excluding", "nothing"])
def test_both_paths_select_the_same_of_difficult_lines(wanted):
    data = b"\r\n".join([*NASTY, ORDINARY, *NASTY[::2], ORDINARY + b"x", ORDINARY])
    selected_alike([data, data.replace(b"\r", b"")], wanted)


def test_of_addresses_that_do_not_count_no_column_is_made(monkeypatch):
    made, append = [], _DecodedKey.append

    def noted(column, lines, count):
        made.append(lines.chosen)
        append(column, lines, count)

    monkeypatch.setattr(_DecodedKey, "append", noted)
    others = [ORDINARY.replace(b"192.0.2.10", b"192.0.2.%d" % n) for n in range(20, 30)]
    wanted = Filter(frozenset(["REST.GET.OBJECT"]), range(200, 300), lambda ip: ip.startswith("192.0.2.2"))
    selector = Selector(wanted, ["object_key"])
    found = all_of(one_by_one(selector, [b"\n".join([*others, ORDINARY, *others])]))
    assert sum(made) == len(found[0]) == 1


# What is many is a few dozen here: the table of lines is full at once, and little is kept in memory.
FEW = Limits(lines=16, rows=50, first_slots=64, most_slots=64, late=100)


@pytest.mark.parametrize("wanted", FILTERS, ids=["default", "excluding", "nothing"])
def test_repeats_among_more_lines_than_fit_into_memory(sample_content, wanted):
    half = len(sample_content) // 2
    contents = [
        b"\n".join(NASTY),
        sample_content[:half],
        sample_content,
        b"",
        sample_content[half:],
        ORDINARY,
    ]
    selector = Selector(wanted, COLUMNS, FEW)
    for data in contents:
        list(selector.select([data]))
    assert sum(part.repeats for part in selector.finish()) > 0
    selected_alike(contents, wanted, FEW)


def counted_strictly(contents):
    """Of each object: lines that are not blank, and the numbers of its rejected lines."""
    numbered = [[(n, line) for n, line in lines(data)] for data in contents]
    return [(len(of), [n for n, line in of if isinstance(parse_line(line), Reason)]) for of in numbered]


def counted(parts, many):
    found = [(0, []) for _ in range(many)]
    for which, here, rejections in (share for part in parts for share in part.shares):
        lines_, numbers = found[which]
        found[which] = lines_ + here, numbers + [rejection.number for rejection in rejections]
    return found


BAD = b"no record"
BORDERS = [
    [],
    [b""],
    [b"", b"", b""],
    [b"\n", b"\r\n", b"\r", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"],
    [BAD, BAD, b"", b"", BAD + b"\r", b"\n" + BAD, b"", b""],
    [b"\xef\xbb\xbf" + ORDINARY, b"\xef\xbb\xbf" + BAD, ORDINARY + b"\r\n", b"\xef\xbb\xbf\xef\xbb\xbfx"],
    [b"\n\n" + BAD + b"\n\n" + BAD, b"", BAD + b"\n\n", b"\n" + ORDINARY, ORDINARY + b"\n" + BAD],
    [b"\n".join([BAD, ORDINARY] * 40) + end for end in (b"", b"\n", b"\r", b"\r\n")] * 3,
    [ORDINARY[:-n] for n in range(0, len(ORDINARY), 5)],
]


@pytest.mark.parametrize("limits", [LIMITS, FEW], ids=["many", "few"])
@pytest.mark.parametrize("contents", BORDERS, ids=lambda contents: str(len(contents)))
def test_lines_of_joined_objects_are_counted_back_to_them(contents, limits):
    found = counted(Selector(FILTERS[0], COLUMNS, limits).select_joined(contents), len(contents))
    assert found == counted_strictly(contents)
    for data, expected in zip(contents, found, strict=True):
        alone = Selector(FILTERS[0], COLUMNS, limits)
        alone.select([BAD])
        assert counted(alone.select([data]), 1) == [expected]
    selected_alike(contents, FILTERS[0], limits)


@pytest.mark.parametrize("size", [1, 7, 300, 5000])
def test_objects_cut_anywhere_are_selected_alike_together(sample_content, size):
    content = (sample_content[:40_000] + b"\n".join(NASTY))[: 400 * size]
    contents = [content[at : at + size] for at in range(0, len(content), size)]
    found = counted(Selector(FILTERS[0], COLUMNS).select_joined(contents), len(contents))
    assert found == counted_strictly(contents)
    selected_alike(contents, FILTERS[0])


def test_a_full_table_with_nothing_but_repeats_after_it():
    lines_ = [ORDINARY.replace(b"H4QMC3V8WR4NZV5K", b"%016X" % n) for n in range(48)]
    selector = Selector(FILTERS[0], ("key",), FEW)
    data = b"\n".join([*lines_, *lines_])
    found = all_of(one_by_one(selector, [data]))
    assert (len(found[0]), found[2], found[3]) == (48, 96, 48)


@pytest.mark.parametrize("slots", [2, 1 << 12, 1 << 20])
def test_a_repeat_is_found_among_many_lines_and_only_there(slots):
    """The table of lines grows from few slots to as many as it takes, or has enough from the beginning."""
    lines_ = [ORDINARY.replace(b"H4QMC3V8WR4NZV5K", b"%016X" % n) for n in range(30_000)]
    everything = Filter(frozenset(["REST.GET.OBJECT"]), range(200, 300))
    selector = Selector(everything, ("key",), replace(LIMITS, first_slots=slots))
    found = one_by_one(selector, [b"\n".join([*lines_, *lines_[::3]])])
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


@given(st.lists(mutated(), min_size=1, max_size=5))
@example([ORDINARY.replace(b" - hostid", b" 200 hostid")])
@example([ORDINARY.replace(b"2026:", b"224::")])
@example([ORDINARY.replace(b"2026:", b":026:")])
@example([ORDINARY.replace(b"08:09:10", b"0::09:10")])
@example([ORDINARY.replace(b'"curl/8.4.0"', b'"curl HTTP/1.1"')])
@example(
    [ORDINARY.replace(b" us-west-1", b" [12/May/2026:08:09:10 +0000] 192.0.2.10 - ID REST.GET.OBJECT k - ")]
)
def mutants_are_judged_alike(mutants):
    data = b"\n".join(mutants)
    same(parse(data), strictly(data))


@pytest.mark.parametrize("examples", [1000, pytest.param(5_000, marks=pytest.mark.slow)])
def test_mutated_lines_are_judged_alike(examples):
    health = [HealthCheck.too_slow]
    settings(max_examples=examples, deadline=None, suppress_health_check=health)(mutants_are_judged_alike)()


@settings(max_examples=1000, deadline=None)
@given(st.one_of(st.ip_addresses().map(str), st.from_regex(r"[0-9a-fA-F:.]{1,40}", fullmatch=True)))
@example("::ffff:192.0.2.1")
@example("::ffff:192.0.2.256")
@example("1:2:3:4:5:6:192.0.2.1")
@example("1:2:3:4:5:6:7::")
@example("::2:3:4:5:6:7:8")
@example("1::3:4:5:6:7:8")
@example("1:2:3:4:5:6:7:8::")
@example("::1::")
@example("::")
@example("1:")
@example(":1")
@example("12345::")
@example("192.0.02.1")
@example("192.0.2.")
def test_addresses_are_judged_alike(ip):
    data = ORDINARY.replace(b"192.0.2.10", ip.encode())
    same(parse(data), strictly(data))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_judged_alike(data):
    assume(recognise([data])[0] is None)
    same(parse(data), strictly(data))
