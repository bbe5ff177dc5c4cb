"""Anonymised lines: nothing of the original is left, and they are as difficult as they were."""

import json
import re
from ipaddress import ip_address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.s3logs.parsing.strict import FIELDS, Reason, Record, parse_line
from include.s3logs.quarantine import anonymise
from include.s3logs.quarantine.anonymise import Anonymiser
from tests.support.paths import EXAMPLES

NASTY_LINES = [json.loads(line) for line in (EXAMPLES / "nasty_lines.jsonl").read_text().splitlines()]
RAW_LINES = [case["line"].encode() for case in NASTY_LINES]

# What may stay, written down here once more and more bluntly than in the code under test.
WORDS = """
    REST BATCH SOAP WEBSITE OBJECT BUCKET VERSIONING VERSION TAGGING PART EXPIRE DELETE HEAD POST COPY HTTP
    UPLOAD UPLOADS LOCATION POLICY MULTI Mozilla amazonaws filename user cloudfront CloudFront Origin Access
    Identity AuthHeader QueryString Anonymous http https AccessDenied NoSuchKey NoSuchTagSet SigV2 SigV4 TLSv1
    TLSV1 ECDHE AES128 AES256 SHA256 SHA384 CHACHA20 POLY1305 0000 NotModified InvalidRange
    RESTORE COMPUTE CHECKSUM OPTIONS TRANSITION CREATE DELETEMARKER
"""
MAY_STAY = {word.encode() for word in WORDS.split()}
ESCAPED_PUNCTUATION = re.compile(rb"%(?:25)*(?:[01][0-9A-Fa-f]|2[0-9A-Fa-f]|3[A-Fa-f]|[46]0|[57][B-Fb-f])")


def words(raw, least=4):
    """Return the runs of letters, digits and non-ASCII bytes; separators beyond ASCII are none."""
    text = ESCAPED_PUNCTUATION.sub(b" ", raw).decode("utf-8", "surrogateescape")
    text = re.sub(r"[\x80-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]", " ", text)
    found = re.findall(r"[0-9A-Za-z\x80-\U0010ffff]+", text)
    return {word.encode("utf-8", "surrogateescape") for word in found if len(word) >= least} - MAY_STAY


def skeleton(raw):
    """Return the line with every letter, digit and non-ASCII byte blotted out."""
    return re.sub(rb"[0-9A-Za-z\x80-\xff]", b"x", raw)


def nature(raw):
    """Return how the parser takes the line: the reason, or which fields are there and whether it doubts."""
    result = parse_line(raw)
    if isinstance(result, Reason):
        return result
    return [value is None for value in result[: len(FIELDS)]], len(result.extra), result.ambiguous


def assert_anonymous(raw, anonymised):
    assert not words(raw) & words(anonymised)
    assert not [word for word in words(raw, 10) if word in anonymised]


@pytest.mark.parametrize("case", NASTY_LINES, ids=lambda case: case["id"])
def test_nasty_line_keeps_its_difficulty_and_nothing_else(case):
    raw = case["line"].encode()
    anonymised = Anonymiser().line(raw)
    assert words(raw)
    assert_anonymous(raw, anonymised)
    assert skeleton(anonymised) == skeleton(raw)
    assert nature(anonymised) == nature(raw)
    if case["verdict"] == "parse":
        old, new = parse_line(raw), parse_line(anonymised)
        assert old.operation in (new.operation, "REST.OPTIONS.FAKE")  # S3 has none such
        assert new.http_status == old.http_status
        assert new.error_code == old.error_code
        assert new.tls_version == old.tls_version


def test_all_nasty_lines_in_one_export():
    anonymiser = Anonymiser(RAW_LINES)
    anonymised = [anonymiser.line(raw) for raw in RAW_LINES]
    originals = set().union(*map(words, RAW_LINES))
    left = originals & set().union(*map(words, anonymised))
    assert len(originals) > 400
    assert not left


@st.composite
def damaged_lines(draw):
    """A nasty line with pieces cut out, doubled, moved in from another one, or any bytes put in."""
    raw = draw(st.sampled_from([raw for raw in RAW_LINES if len(raw) < 2_000]))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        end = draw(st.integers(at, min(len(raw), at + 40)))
        other = draw(st.sampled_from(RAW_LINES))[:1500]
        start = draw(st.integers(0, len(other)))
        piece = draw(st.one_of(st.just(b""), st.just(other[start : start + 60]), st.binary(max_size=5)))
        raw = raw[:at] + piece.replace(b"\n", b"") + raw[end:]
    return raw


# A record was torn, and the next one begins in the middle of its last word: with the same bucket owner.
TORN = b'owner7 reef 77owner7 reef [07/Apr/2023:04:06:54 +0000] 192.0.2.10 - B5 REST.GET.OBJECT k "GET /k"'


@settings(max_examples=400, deadline=None)
@given(damaged_lines())
@example(TORN)
@example(TORN.replace(b"owner7", b"88888").replace(b"reef", b"1 1", 1))
def test_damaged_line_keeps_its_difficulty(raw):
    anonymised = Anonymiser().line(raw)
    assert len(anonymised) == len(raw)
    assert skeleton(anonymised) == skeleton(raw)
    assert nature(anonymised) == nature(raw)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.one_of(st.from_regex(r"\A[0-9A-Za-z]{5,20}\Z"), st.sampled_from(list('" -/?&=%[]:.\t_+'))),
        max_size=40,
    )
)
@example(["alice", "%", "2", "Fsecret"])
@example(["HTTP", "/", "1", ".", "1", "ALICE"])
@example(["user", "user1", ":", "xuser"])
def test_nothing_of_any_text_is_left(parts):
    raw = "".join(parts).encode()
    assert_anonymous(raw, Anonymiser().line(raw))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200).map(lambda data: data.replace(b"\n", b"")))
@example(b"\xe9t\xe9 \xc3\xa9 \xff\xfe \xed\xa0\x80 \xf0\x9f\x90\xa0 \xe2\x80\xa8 \xc2\x85 \x00\x1b[")
def test_any_bytes(raw):
    anonymised = Anonymiser().line(raw)
    assert len(anonymised) == len(raw)
    assert skeleton(anonymised) == skeleton(raw)
    assert shape(anonymised) == shape(raw)


def shape(raw):
    """Return the number of bytes of each character; -1 for a byte that is no UTF-8."""
    text = raw.decode("utf-8", "surrogateescape")
    return [-1 if "\udc80" <= char <= "\udcff" else len(char.encode()) for char in text]


@pytest.mark.parametrize(
    ("raw", "chance"),
    [
        (b"dead\xff", {b"dead\xff": b"dead"}),
        (b"caf\xc3\xa9", {b"caf\xc3\xa9": b"caf"}),
        (b"\xc3\xa9dead", {b"\xc3\xa9dead": b"\0dead"}),
        (b"b%41dead", {b"b%41dead": b"cBdead"}),
        (b"- Sigdead\xff", {b"dead\xff": b"dead"}),
        (b"dead\xff bead", {b"bead": b"dead"}),
        (b"bead dead\xff", {b"dead\xff": b"bead"}),
    ],
)
def test_no_part_of_a_mixed_word_is_left_by_chance(raw, chance, monkeypatch):
    """The first try draws for these words, as chance would now and then, what is in the line."""
    drawing = anonymise._drawing

    def unlucky(seed, attempt, length):
        word = next((word for word in chance if seed[32:] == word), None)
        if word is None or attempt:
            return drawing(seed, attempt, length)
        wanted = iter(chance[word])
        return lambda choices: choices[0] if (new := next(wanted, 0)) not in choices else new

    monkeypatch.setattr(anonymise, "_drawing", unlucky)
    anonymised = Anonymiser([raw]).line(raw)
    parts = re.findall(rb"[0-9A-Za-z]{3,}", re.sub(rb"%..", b" ", raw))
    assert parts
    for part in parts:
        assert part not in re.findall(rb"[0-9A-Za-z]+", re.sub(rb"%..", b" ", anonymised))
    assert skeleton(anonymised) == skeleton(raw)


def test_a_value_is_the_same_wherever_it_stands_and_in_every_line():
    anonymiser = Anonymiser()
    first = anonymiser.line(b'alice 192.0.2.7 "alice/192.0.2.7" caf%25C3%25A9 /caf%C3%A9').split()
    second = anonymiser.line("alice 192.0.2.7").split()
    assert first[:2] == second
    assert first[2] == b'"' + first[0] + b"/" + first[1] + b'"'
    assert first[3].replace(b"%25", b"%") == first[4][1:]


def test_different_values_stay_different():
    names = [f"name{number:03}" for number in range(200)] + [f"192.0.2.{part}" for part in range(256)]
    anonymiser = Anonymiser()
    invented = [anonymiser.line(name) for name in names]
    assert len(set(invented)) == len(names)
    digits = anonymiser.line(b"1 2 3 4 5 6 7 8 9").split()
    assert len(set(digits)) >= 8  # the last one may find no other digit left


def test_each_export_has_a_secret_of_its_own():
    assert Anonymiser().line(b"0123456789abcdef0123") != Anonymiser().line(b"0123456789abcdef0123")


@pytest.mark.parametrize(
    "ip", ["192.0.2.7", "10.20.255.199", "2001:db8::1", "::", "::ffff:192.0.2.7", "fe80::a:b"]
)
def test_an_address_stays_an_address(ip):
    for _ in range(20):
        invented = Anonymiser().line(ip).decode()
        assert ip_address(invented).version == ip_address(ip).version
        assert [len(part) for part in re.split("[.:]", invented)] == [
            len(part) for part in re.split("[.:]", ip)
        ]
        assert invented != ip or ip == "::"


@pytest.mark.parametrize(
    "ip", ["192.0.2.256", "192.0.02.7", "192.0.2", "1.2.3.4.5", "g::1", "2001:db8::xyz", "host", "1::2::3"]
)
def test_what_is_no_address_becomes_none(ip):
    for _ in range(20):
        invented = Anonymiser().line(ip).decode()
        with pytest.raises(ValueError, match="appear"):
            ip_address(invented)


def line(**changed):
    fields = {
        "owner": "o",
        "bucket": "b",
        "time": "12/May/2026:08:09:10 +0000",
        "ip": "192.0.2.10",
        "uri": '"GET /a HTTP/1.1"',
        "bytes": "10",
    } | changed
    return '{owner} {bucket} [{time}] {ip} - R REST.GET.OBJECT k {uri} 200 - {bytes} - 8 7 "-" "c" -'.format(
        **fields
    ).encode()


POSSIBLE = ["12/May/2026:08:09:10 +0000", "31/Jan/2024:23:59:59 -0830", "29/Feb/2024:00:00:00 +0000"]
IMPOSSIBLE = [
    "00/May/2026:08:09:10 +0000",
    "32/May/2026:08:09:10 +0000",
    "31/Apr/2026:08:09:10 +0000",
    "29/Feb/2023:08:09:10 +0000",
    "12/XXX/2026:08:09:10 +0000",
    "12/may/2026:08:09:10 +0000",
    "12/May/2026:24:09:10 +0000",
    "12/May/2026:08:60:10 +0000",
    "12/May/2026:08:09:60 +0000",
    "12/May/2026:08:09:10 +2400",
    "12/May/2026:08:09:10 +0060",
    "12/May/2026:08:09:10 0000",
    "12/May/2026:08:09:10",
    "1/May/2026:08:09:10 +00000",
    "12/May/1931:08:09:10 +0000",
    "31/Dec/1969:23:59:59 +0000",
    "12/May/0000:08:09:10 +0000",
    "01/Jan/1970:00:30:00 +0100",
]


@pytest.mark.parametrize("time", POSSIBLE)
def test_a_possible_time_becomes_another_one(time):
    for _ in range(20):
        raw = line(time=time)
        anonymised = Anonymiser().line(raw)
        assert isinstance(parse_line(anonymised), Record)
        assert parse_line(anonymised).time != parse_line(raw).time
        assert time[7:11].encode() not in anonymised


@pytest.mark.parametrize("time", IMPOSSIBLE)
def test_an_impossible_time_stays_impossible(time):
    for _ in range(20):
        anonymised = Anonymiser().line(line(time=time))
        assert parse_line(line(time=time)) == Reason.TIME
        assert parse_line(anonymised) == Reason.TIME


def test_letters_that_are_no_month_stay_because_they_are_the_difficulty():
    assert b"/XXX/" in Anonymiser().line(line(time="26/XXX/2021:08:09:10 +0000"))


@pytest.mark.parametrize(
    ("number", "is_number"),
    [("9223372036854775807", True), ("9223372036854775808", False), ("1" * 20, False), ("0", True)],
)
def test_a_number_stays_in_or_out_of_range(number, is_number):
    for _ in range(20):
        result = parse_line(Anonymiser().line(line(bytes=number)))
        assert isinstance(result, Record) if is_number else result == Reason.NUMBER


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_survives(reason):
    lines = {
        Reason.HEADER: b"no record at all",
        Reason.TIME: line(time="31/Feb/2026:08:09:10 +0000"),
        Reason.IP: line(ip="192.0.2.300"),
        Reason.GLUED: line() + line(),
        Reason.URI: line(bytes="-5"),
        Reason.BLOCKS: line(uri='"' + '" 200 - 1 1 1 1 x' * 70),
        Reason.NUMBER: line(bytes="9999999999999999999"),
        Reason.AGENT: line().replace(b'"-" "c"', b'"-'),
        Reason.TAIL: line() + b"\t\x01 x",
    }
    assert parse_line(lines[reason]) == reason
    for _ in range(5):
        assert parse_line(Anonymiser().line(lines[reason])) == reason


@pytest.mark.parametrize(
    "name",
    ["79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", "4BuaRbS04wNn2JHYV9Xc3eE1iW0"],
)
def test_a_long_id_is_not_known_by_its_pattern(name):
    invented = {re.sub("[0-9]", "9", Anonymiser().line(name).decode()) for _ in range(3)}
    patterns = {re.sub("[a-z]", "a", re.sub("[A-Z]", "A", text)) for text in invented}
    assert len(patterns) == 3


def test_what_may_be_a_signature_version_still_may():
    anonymised = Anonymiser().line(b"- SigV5secret SigV4 Sig DesigSigV5")
    assert re.fullmatch(
        rb"- Sig[A-Z][0-9][a-z]{6} SigV4 Sig [A-Z][a-z]{4}[A-Z][a-z]{2}[A-Z][0-9]", anonymised
    )
    assert_anonymous(b"V5secret DesigSigV5", anonymised)


def test_hex_stays_hex():
    assert re.fullmatch(rb"[0-9a-f]{33}", Anonymiser().line(b"f0799fa415d94e63f295b5434b2b68ef1"))
    assert re.fullmatch(rb"[A-F][0-9][A-F]{2}[0-9]", Anonymiser().line(b"A0BC7"))
