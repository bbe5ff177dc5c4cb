import base64
import json
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from include.s3logs.logs.decompress import CorruptObjectError, unpack
from include.s3logs.parsing import strict
from include.s3logs.parsing.strict import (
    FIELDS,
    MAX_BLOCKS,
    Reason,
    Record,
    decode_key,
    lines,
    parse_line,
)
from tests.support.paths import EXAMPLES


def cases(name: str) -> list[dict]:
    return [json.loads(line) for line in (EXAMPLES / name).read_text().splitlines()]


NASTY_LINES = cases("nasty_lines.jsonl")
HEADER = {
    "bucket_owner": "79a59df9",
    "bucket": "amzn-s3-demo-reef",
    "time": "12/May/2026:08:09:10 +0000",
    "remote_ip": "192.0.2.10",
    "requester": "-",
    "request_id": "H4QMC3V8WR4NZV5K",
    "operation": "REST.GET.OBJECT",
    "key": "a.txt",
}
REST = '"GET /a.txt HTTP/1.1" 200 - 10 10 8 7 "-" "curl/8.4.0" - Hst= SigV4 TLS_AES - s3.example TLSv1.3 - -'
STATUS = " 403 AccessDenied 243 - 9 - "


def line(rest: str = REST, **header: str) -> bytes:
    fields = HEADER | header | {"time": f"[{header.get('time', HEADER['time'])}]"}
    return f"{' '.join(fields.values())} {rest}".encode()


def utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# The examples


@pytest.mark.parametrize("case", NASTY_LINES, ids=lambda case: case["id"])
def test_nasty_line(case):
    record = parse_line(case["line"].encode())
    if case["verdict"] == "reject":
        assert isinstance(record, Reason)
        return
    assert isinstance(record, Record)
    found = record._asdict() | {"time": f"{utc(record.time):%Y-%m-%dT%H:%M:%SZ}"}
    null_ok = {name for name in case.get("null_ok", ()) if found[name] is None}
    expected = {name: value for name, value in case["expected"].items() if name not in null_ok}
    assert {name: found[name] for name in expected} == expected
    assert set(FIELDS) == expected.keys() | null_ok | set(case.get("not_checked", ()))
    assert record.extra == tuple(case.get("extra_trailing_fields", ()))
    assert all(found[name] is None for name in FIELDS[case["n_fields"] :])
    if reduce := case.get("reduce"):
        assert is_traffic(record) == reduce["kept"]
        assert (record.http_status == 200) == reduce["full_download"] or not reduce["kept"]


def is_traffic(record: Record) -> bool:
    return record.operation == "REST.GET.OBJECT" and (record.http_status or 0) // 100 == 2


@pytest.mark.parametrize("case", cases("objects.jsonl"), ids=lambda case: case["id"])
def test_whole_object(case):
    content, expected = base64.b64decode(case["content_b64"]), case["expected"]
    if expected["file_error"]:
        with pytest.raises(CorruptObjectError):
            list(unpack([content]))
        return
    text = b"".join(unpack([content]))
    found = [(raw, parse_line(raw)) for _, raw in lines(text)]
    records = {raw: record for raw, record in found if isinstance(record, Record)}
    traffic = [record for record in records.values() if is_traffic(record)]
    by_day = Counter()
    for record in traffic:
        by_day[str(utc(record.time).date())] += record.bytes_sent or 0
    all_lines = text.count(b"\n") + (not text.endswith(b"\n") and text != b"")
    counts = {
        "file_error": False,
        "parsed": sum(isinstance(record, Record) for _, record in found),
        "rejected": sum(isinstance(record, Reason) for _, record in found),
        "blank": all_lines - len(found),
        "distinct": len(records),
        "reduced_rows": len(traffic),
        "bytes_sent": by_day.total(),
        "downloads": sum(record.http_status == 200 for record in traffic),
        "bytes_by_event_day": dict(by_day),
        "source_regions": [record.source_region for record in records.values()],
    }
    assert {name: counts[name] for name in expected} == expected


@pytest.mark.parametrize("case", cases("key_decoding.jsonl"), ids=lambda case: case["logged_key"])
def test_key_decoding(case):
    assert decode_key(case["operation"], case["logged_key"]) == case["real_key"]


# Lines


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a", [(1, b"a")]),
        (b"a\nb\n", [(1, b"a"), (2, b"b")]),
        (b"a\r\n\r\n\n b\r\r\n", [(1, b"a"), (4, b" b\r")]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [(1, b"a"), (2, b"\xef\xbb\xbfb")]),
        (b"a\x0b\x0c\x1c\x85\rb\xe2\x80\xa8c\n", [(1, b"a\x0b\x0c\x1c\x85\rb\xe2\x80\xa8c")]),
    ],
)
def test_lines(data, expected):
    assert list(lines(data)) == expected


# Fields


def test_fields_are_those_of_the_format():
    assert len(FIELDS) == 27
    assert (FIELDS[0], FIELDS[8], FIELDS[17], FIELDS[26]) == (
        "bucket_owner",
        "request_uri",
        "version_id",
        "source_region",
    )
    assert Record._fields == (*FIELDS, "extra", "ambiguous")


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("01/Jan/1970:00:00:00 +0000", 0),
        ("06/Feb/2019:00:00:38 +0000", 1_549_411_238),
        ("06/Feb/2019:02:00:38 +0200", 1_549_411_238),
        ("05/Feb/2019:18:30:38 -0530", 1_549_411_238),
        ("29/Feb/2024:23:59:59 +0000", 1_709_251_199),
        ("31/Dec/9999:23:59:59 +0000", 253_402_300_799),
    ],
)
def test_time(time, expected):
    assert parse_line(line(time=time)).time == expected


@pytest.mark.parametrize(
    "time",
    [
        "29/Feb/2023:00:00:00 +0000",
        "31/Apr/2023:00:00:00 +0000",
        "00/Apr/2023:00:00:00 +0000",
        "01/apr/2023:00:00:00 +0000",
        "01/Abc/2023:00:00:00 +0000",
        "01/Apr/0000:00:00:00 +0000",
        "01/Apr/2023:24:00:00 +0000",
        "01/Apr/2023:00:60:00 +0000",
        "01/Apr/2023:00:00:60 +0000",
        "01/Apr/2023:00:00:00 +2400",
        "01/Apr/2023:00:00:00 +0060",
        "01/Apr/2023:00:00:00 0000",
        "01/Apr/2023:00:00:00",
        "1/Apr/2023:00:00:00 +0000",
        "\u0660\u0661/Apr/2023:00:00:00 +0000",
        "01/Jan/1970:00:00:00 +0001",
        "31/Dec/9999:23:59:59 -0001",
    ],
)
def test_impossible_time(time):
    assert parse_line(line(time=time)) is Reason.TIME


@pytest.mark.parametrize("ip", ["0.0.0.0", "2001:db8::1", "::ffff:192.0.2.1", "::"])
def test_ip(ip):
    assert parse_line(line(remote_ip=ip)).remote_ip == ip


@pytest.mark.parametrize(
    "ip", ["256.0.0.1", "1.2.3", "01.2.3.4", "fe80::1%eth0", "1", "::1::", "--", "\uff11.2.3.4"]
)
def test_not_an_ip(ip):
    assert parse_line(line(remote_ip=ip)) is Reason.IP


@pytest.mark.parametrize(
    "header",
    [
        {"bucket_owner": ""},
        {"bucket": "a b"},
        {"bucket": 'a"b'},
        {"requester": "CloudFront Origin Access Identity E1"},
        {"request_id": "a\tb"},
        {"operation": "REST"},
        {"operation": "REST."},
        {"operation": "192.0.2.1"},
        {"operation": "rest.get.object"},
        {"key": "a b"},
        {"key": '"'},
        {"key": "[a]"},
    ],
)
def test_malformed_header(header):
    assert parse_line(line(**header)) is Reason.HEADER


def test_a_word_that_stands_twice_is_no_second_record():
    assert parse_line(b"no record, no time") is Reason.HEADER


@pytest.mark.parametrize(
    "operation", ["SOAP.ListAllMyBuckets", "S3.TRANSITION_SIA.OBJECT", "REST.M-SEARCH.OBJECT"]
)
def test_operations_are_an_open_set(operation):
    assert parse_line(line(operation=operation)).operation == operation


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_origin_access_identity(partition):
    requester = f"arn:{partition}:iam::cloudfront:user/CloudFront Origin Access Identity E1"
    assert parse_line(line(requester=requester)).requester == requester


@pytest.mark.parametrize("spaces", ["  ", " " * 9])
def test_spaces_before_the_requester_count_as_one(spaces):
    assert parse_line(line().replace(b"192.0.2.10 ", b"192.0.2.10" + spaces.encode())) == parse_line(line())


def test_line_end_is_no_field():
    assert parse_line(line() + b" \r") == parse_line(line() + b"  ") == parse_line(line())


@pytest.mark.parametrize("number", [0, 2**63 - 1])
def test_number_in_range(number):
    record = parse_line(line(f"- 200 - {number} {number} {number} {number} - -"))
    assert record[11:15] == (number,) * 4


@pytest.mark.parametrize("number", [str(2**63), "9" * 20, "9" * 5000])
@pytest.mark.parametrize("position", range(4))
def test_number_out_of_range(number, position):
    numbers = ["1"] * 4
    numbers[position] = number
    assert parse_line(line(f'"GET / HTTP/1.1" 200 - {" ".join(numbers)} "-" "-"')) is Reason.NUMBER


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ('"GET / HTTP/1.1" 2000 - 1 1 1 1 "-" "-"', Reason.URI),
        ('"GET / HTTP/1.1" 200 - 1 1 1 \u0661 "-" "-"', Reason.URI),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1', Reason.URI),
        ('-"GET / HTTP/1.1" 200 - 1 1 1 1 "-" "-"', Reason.URI),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 1 "-" "-"', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 "-"', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 "-" "', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 "-" "curl', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 "-" curl', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 " - -', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 "http://', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 - -x', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 -', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 "-" "-" a  b', Reason.TAIL),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 "-" "-" a\tb', Reason.TAIL),
        ("- 200 - 1 1 1 1 - -  b", Reason.TAIL),
        ("- 200 - 1 1 1 1 - x", Reason.AGENT),
        ('- 200 - 1 1 1 1 - - "u" x', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 - 1 1 1 1 -x"u" -', Reason.AGENT),
        ('"GET / HTTP/1.1" 200 5 1 1 1 1 "-" "u" -', Reason.URI),
        (f'"GET /" 200 - 1 1 1 {2**63} x" 200 - 1 1 1 1 x', Reason.NUMBER),
    ],
)
def test_rejected(rest, reason):
    assert parse_line(line(rest)) is reason


@pytest.mark.parametrize(
    "rest",
    [
        REST.replace("curl/8.4.0", "curl/8" + line().decode()),
        REST.replace('"-"', f'"http://x{line().decode()}"'),
        REST.replace("/a.txt", f"/a{line().decode()}"),
        REST + line().decode(),
        REST + line().decode()[len(HEADER["bucket_owner"]) + len(HEADER["bucket"]) + 2 :],
        "- 204 - - 10 - - - - - Hst=" + line("- 204 - - 10 - - - - -").decode(),
        REST + line().decode().replace("192.0.2.10 ", "192.0.2.10  "),
        REST + line(requester="arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1").decode(),
        # the second record has no operation
        REST + line(operation="-").decode(),
        REST + line("- 204 - - 10 - - - - - Hst= -", operation="-").decode(),
        "- 204 - - 10 - - - - - Hst=" + line("- 204 - - 10 - - - - -", operation="-").decode(),
    ],
)
def test_glued(rest):
    assert parse_line(line(rest)) is Reason.GLUED


@pytest.mark.parametrize("first", [REST, REST + " us-west-1", "- 204 - - 10 - - - - - Hst="])
@pytest.mark.parametrize(
    "until", ["/May/", ":08:09", "+0000", "] 192.0.2", " - ", "H4QMC3V8WR4NZV5K", "REST.GET"]
)
def test_glued_to_a_record_that_is_cut(first, until):
    second = line().decode()
    assert parse_line(line(first + second[: second.index(until) + len(until)])) is Reason.GLUED


@pytest.mark.parametrize("length", [15, 27, 40, 50, 60, 80])
def test_glued_within_the_header(length):
    assert parse_line(line()[:length] + line()) is Reason.GLUED


@pytest.mark.parametrize("text", ["REST.GET; done", "- done with it", "- done", "-"])
def test_a_date_in_a_user_agent_is_not_glued(text):
    agent = f"tool [{HEADER['time']}] 192.0.2.1 - A1B2 {text}"
    assert parse_line(line(REST.replace("curl/8.4.0", agent))).user_agent == agent


def test_bytes_that_are_not_utf8_stay_visible():
    record = parse_line(line().replace(b"curl", b"caf\xe9 \xff\xe2"))
    assert record.user_agent == "caf\\xe9 \\xff\\xe2/8.4.0"


# More than one reading


@pytest.mark.parametrize(
    ("rest", "request_uri", "referer", "user_agent"),
    [
        ('"GET /?f="x"&g=" " HTTP/1.1"' + STATUS + '"-" "u" -', 'GET /?f="x"&g=" " HTTP/1.1', None, "u"),
        ('"GET /" 200 HTTP/1.1"' + STATUS + '"-" "u" -', 'GET /" 200 HTTP/1.1', None, "u"),
        (
            '"GET /" 200 - 1 1 1 1 x HTTP/1.1"' + STATUS + '"-" "u" -',
            'GET /" 200 - 1 1 1 1 x HTTP/1.1',
            None,
            "u",
        ),
        ('"GET /" HTTP/1.1"' + STATUS + '"-" "u" -', 'GET /" HTTP/1.1', None, "u"),
        ('"GET / HTTP/1.1"' + STATUS + '"a"b" "c"d"', "GET / HTTP/1.1", 'a"b', 'c"d'),
        ('"GET / HTTP/1.1"' + STATUS + '"a"" ""d"', "GET / HTTP/1.1", 'a"', '"d'),
        ('"GET / HTTP/1.1"' + STATUS + '"" "" -', "GET / HTTP/1.1", "", ""),
        ('"GET / HTTP/1.1"' + STATUS + '" " " " -', "GET / HTTP/1.1", " ", " "),
        ('"GET / HTTP/1.1"' + STATUS + '- " 200 - 1 1 1 1 " -', "GET / HTTP/1.1", None, " 200 - 1 1 1 1 "),
        ('"GET / HTTP/1.1"' + STATUS + '"a" - b" - - Hst=', "GET / HTTP/1.1", 'a" - b', None),
        ('"GET / HTTP/1.1"' + STATUS + '"a" " - - Hst=', "GET / HTTP/1.1", 'a" ', None),
        ('"GET /" 200 - 1 1 1 1 - "x HTTP/1ab" - - - - - - - - -', "GET /", None, "x HTTP/1ab"),
        ('"-" 200 - 1 1 1 1 "-" "u" 404 - 1 1 1 1 - - x', None, None, "u"),
        ('""' + STATUS + '"-" "u"', "", None, "u"),
        ('"-" - - - 318 - - "-" "-" - - - - - - - - -', None, None, None),
        ('"GET / HTTP/1.0"' + STATUS + '"-" "u" - Hst= - - - - - - -', "GET / HTTP/1.0", None, "u"),
        ('"GET / HTTP/1.0"' + STATUS + '"-" "u" - - SigV4 TLS - - - - -', "GET / HTTP/1.0", None, "u"),
        ('"GET / HTTP/1.0"' + STATUS + '"-" "u" - Hst= SigV4', "GET / HTTP/1.0", None, "u"),
        ('"GET / HTTP/1.0"' + STATUS + '"-" "u" - Hst= -', "GET / HTTP/1.0", None, "u"),
        ('"GET / HTTP/1.0"' + STATUS + '"-" "u" V1 Hst= V2', "GET / HTTP/1.0", None, "u"),
        ('"GET /" 304 - - - - - "-" "u" - - - - - - - - -', "GET /", None, "u"),
        ("- - - - 318 - - - - - Hst= - - - - - -", None, None, None),
    ],
)
def test_one_reading(rest, request_uri, referer, user_agent):
    record = parse_line(line(rest))
    assert (record.request_uri, record.referer, record.user_agent) == (request_uri, referer, user_agent)
    assert not record.ambiguous


@pytest.mark.parametrize(
    ("rest", "request_uri", "referer", "user_agent"),
    [
        # another end of the request URI
        ('"GET /" 200 - 1 1 1 1 - "x HTTP/1.1"' + STATUS + '- "u"', "GET /", None, None),
        ('"GET /" 200 - 1 1 1 1 - "x"' + STATUS + '- "u"', "GET /", None, None),
        ('"GET /" 200 - 1 1 1 1 - "x HTTP/1.1" - - - - - - - - -', "GET /", None, "x HTTP/1.1"),
        ('"GET /" 200 - 8 8 1 1 "x" y" - - - - 9 - "-" "u" - Hst=', "GET /", 'x" y" - - - - 9 - "-', "u"),
        ('"GET /" 200 - 8 8 1 1 "x" y" - - - - 9 - "-" - - Hst=', "GET /", 'x" y" - - - - 9 - "-', None),
        # another end of the referer
        ('"GET / HTTP/1.1"' + STATUS + '"a" "b" "c" -', "GET / HTTP/1.1", "a", 'b" "c'),
        # a bare-dash user agent after a referer that holds `" "`
        ('"GET / HTTP/1.1"' + STATUS + '"a" "b" - - Hst= SigV4 TLS', "GET / HTTP/1.1", "a", "b"),
        ('"GET / HTTP/1.1"' + STATUS + '"a" "b" - V1 Hst= - TLS', "GET / HTTP/1.1", "a", "b"),
        ('"GET / HTTP/1.1"' + STATUS + '"a" "b" - V1 - SigV4 TLS AuthHeader', "GET / HTTP/1.1", "a", "b"),
        ('"GET / HTTP/1.1"' + STATUS + '"a" "b" - V1 - SigV4', "GET / HTTP/1.1", "a", "b"),
        ('"GET / HTTP/1.1"' + STATUS + '"a" "b" - V1 Hst=', "GET / HTTP/1.1", "a", "b"),
    ],
)
def test_more_than_one_reading(rest, request_uri, referer, user_agent):
    record = parse_line(line(rest))
    assert (record.request_uri, record.referer) == (request_uri, referer)
    assert user_agent is None or record.user_agent == user_agent
    assert record.ambiguous


@pytest.mark.parametrize(
    ("forged", "expected"),
    [('" 200 - 1 1 1 1 x', Reason.BLOCKS), ('" 200 - 1 1 1 1 - "', True), ('" - - 1 1 1 1 - "', True)],
)
def test_a_forged_line_is_bounded_work(forged, expected, monkeypatch):
    readings = 0
    read_from = strict._read_from

    def counting(*args):
        nonlocal readings
        readings += 1
        return read_from(*args)

    monkeypatch.setattr(strict, "_read_from", counting)
    found = parse_line(line('"-' + forged * 50_000 + REST[1:]))
    assert (found if isinstance(found, Reason) else found.ambiguous) == expected
    assert 0 < readings <= MAX_BLOCKS


@pytest.mark.parametrize(
    "filler",
    [
        '"',
        '" ',
        " ",
        "1",
        "GET ",
        "[",
        '" 200 - 1 1 1 a ',
        '" 200 A',
        f"[{HEADER['time']}] a b c D.",
        f"[{HEADER['time']}] a b c - d e ",
    ],
)
def test_long_lines_take_no_more_than_linear_time(filler):
    """Anything quadratic, 10^12 steps, would run into the time limit of the tests."""
    long = filler * (1_000_000 // len(filler))
    assert parse_line(line(f'"GET /{long}')) is Reason.URI
    assert parse_line(line(f'"GET / HTTP/1.1"{STATUS}"-" "{long}" -')).user_agent == long


# Any values, any bytes

NO_SURROGATES = ["Cs"]
WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=' "[]'), min_size=1, max_size=12
)
DASH_OR_WORD = st.just("-") | WORDS
PIECES = ['"', " ", '" "', '" ""', '" -', "GET /", " HTTP/1.1", " 200 - 1 2 3 4 ", '" - - - - - - ', STATUS]
CLIENT_TEXT = st.lists(
    st.sampled_from(PIECES)
    | st.text(st.characters(exclude_categories=NO_SURROGATES, exclude_characters="\n"), max_size=5),
    max_size=10,
).map("".join)
TAME_TEXT = st.text(st.characters(exclude_categories=NO_SURROGATES, exclude_characters='\n"'), max_size=20)
NUMBERS = st.just("-") | st.integers(0, 2**63 - 1).map(str)
TAIL = st.tuples(
    DASH_OR_WORD.filter(lambda word: not word.isdecimal()),
    st.just("-") | WORDS.map(lambda word: f"h{word}="),
    st.sampled_from(["-", "SigV2", "SigV4"]),
    DASH_OR_WORD,
    st.sampled_from(["-", "AuthHeader", "QueryString"]),
    WORDS.map(lambda word: f"{word}.example"),
    *[DASH_OR_WORD] * 6,
)


@st.composite
def logged(draw, text=CLIENT_TEXT):
    """Logged values of one line: the field values (quotes left out), and which are quoted."""
    status = draw(st.just("-") | st.integers(100, 599).map(str))
    target, protocol = draw(text), draw(st.sampled_from([" HTTP/1.1", " HTTP/1.0", ""]))
    quoted = draw(st.tuples(*[st.booleans()] * 3))
    if '"' in target and status == "-" and quoted[1:] == (False, False):
        protocol = " HTTP/1.1"  # without all of these, a forged block in the target passes for the real one
    uri, referer, agent = f"GET /{target}{protocol}", draw(text), draw(text)
    tail = draw(TAIL)[: draw(st.sampled_from([0, 1, 2, 3, 7, 8, 9, 10, 12]))]
    if quoted[1] and not quoted[2] and set(tail[1:3]) <= {"-"}:
        # without host id and signature version nothing tells that the user agent is bare
        assume('" "' not in referer)
    values = [
        draw(WORDS),
        draw(WORDS),
        "12/May/2026:08:09:10 +0000",
        draw(st.just("-") | st.ip_addresses().map(str)),
        draw(DASH_OR_WORD),
        draw(DASH_OR_WORD),
        draw(st.sampled_from(["-", "REST.GET.OBJECT", "S3.EXPIRE.OBJECT"])),
        draw(DASH_OR_WORD),
        uri if quoted[0] else "-",
        status,
        draw(st.sampled_from(["-", "NoSuchKey"])),
        *draw(st.tuples(*[NUMBERS] * 4)),
        referer if quoted[1] else "-",
        agent if quoted[2] else "-",
        *tail,
    ]
    return values, dict(zip((8, 15, 16), quoted, strict=True))


def written(values: list[str], quoted: dict[int, bool]) -> bytes:
    parts = [f'"{value}"' if quoted.get(n) else value for n, value in enumerate(values)]
    parts[2] = f"[{values[2]}]"
    return " ".join(parts).encode()


def as_record(values: list[str]) -> Record:
    padded = [None if value == "-" else value for value in values[:27]] + [None] * (27 - len(values))
    padded[2] = 1_778_573_350
    for n in (9, 11, 12, 13, 14):
        padded[n] = None if padded[n] is None else int(padded[n])
    return Record(*padded, extra=tuple(values[27:]), ambiguous=False)


@given(logged())
def test_what_is_written_is_read_back_or_ambiguous(case):
    record = parse_line(written(*case))
    assert isinstance(record, Record)
    assert record.ambiguous or record == as_record(case[0])


@given(logged(TAME_TEXT))
def test_without_quotes_in_the_text_nothing_is_ambiguous(case):
    assert parse_line(written(*case)) == as_record(case[0])


@given(st.binary(max_size=200))
@example(b"")
@example(b"\r")
def test_bytes_at_random_are_no_record(data):
    assert isinstance(parse_line(data), Reason)


@given(st.data())
def test_a_damaged_line_never_raises(data):
    raw = data.draw(st.sampled_from(NASTY_LINES))["line"].encode()[:3000]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(start + 40, len(raw))))
        filler = data.draw(st.binary(max_size=6) | st.sampled_from([b'"', b" ", b"-", raw[start:end] * 2]))
        raw = raw[:start] + filler + raw[end:]
    record = parse_line(raw)
    assert isinstance(record, Record | Reason)
    if isinstance(record, Record):
        assert utc(record.time).year >= 1970
        assert all(0 <= n < 2**63 for n in record if type(n) is int)
        assert "-" not in record[:27]
        assert json.dumps(record, ensure_ascii=False).encode()


@given(st.text(st.characters(exclude_categories=NO_SURROGATES)))
def test_keys_survive_encoding(key):
    assert decode_key("REST.GET.OBJECT", quote(quote(key))) == key
    assert decode_key(None, quote(quote(key))) == key
    assert decode_key("S3.EXPIRE.OBJECT", quote(key)) == key
    assert decode_key("BATCH.DELETE.OBJECT", quote_plus(key)) == key


def test_key_bytes_that_are_not_utf8_stay_visible():
    assert decode_key("REST.GET.OBJECT", "a%25FFb+") == "a\\xffb+"
