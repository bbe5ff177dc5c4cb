"""Masking: what may be shown of a count, one at a time and in columns."""

import random
from fractions import Fraction

import pyarrow as pa
import pytest

from include.s3logs.publishing.masking import Masking
from include.s3logs.tables.totals import MILLION, TOTALS

COUNTS = ("number_of_requests", "number_of_downloads")
MASKINGS = [Masking(50, 20), Masking(0, 1), Masking(0, 20), Masking(50, 1), Masking(5, 7), Masking(1, 3)]


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "<50"), (49, "<50"), (50, 40), (55, 60), (123, 120), (130, 120), (150, 160)]
)
def test_counts_as_earlier_archives_publish_them(count, shown):
    assert Masking(50, 20).show(count) == shown


def test_both_can_be_switched_off():
    assert [Masking(0, 1).show(n) for n in (0, 1, 49, 51)] == [0, 1, 49, 51]


def texts(masking, name, sums):
    return masking.texts(masking.numbers(name, sums)).to_pylist()


def column(values):
    """In two chunks, as columns come."""
    half = len(values) // 2
    return pa.chunked_array([pa.array(part, pa.int64()) for part in (values[:half], values[half:])])


def many_counts():
    rng = random.Random("counts")
    return [*range(400), *(rng.randrange(10 ** rng.randrange(3, 14)) for _ in range(600))]


@pytest.mark.parametrize("masking", MASKINGS, ids=str)
@pytest.mark.parametrize("name", COUNTS)
def test_a_column_of_counts_shows_what_each_count_does(masking, name):
    counts = many_counts()
    shown = [masking.show(count) for count in counts]
    assert texts(masking, name, column(counts)) == list(map(str, shown))
    numbers = masking.numbers(name, column(counts))
    assert numbers.type == pa.int64()
    assert numbers.to_pylist() == [value if isinstance(value, int) else None for value in shown]


@pytest.mark.parametrize("masking", MASKINGS, ids=str)
def test_bytes_are_shown_as_they_are(masking):
    values = [0, 1, 49, 50, 2**53 + 1, 2**63 - 1]
    assert masking.numbers("bytes_sent", column(values)).to_pylist() == values
    assert texts(masking, "bytes_sent", column(values)) == list(map(str, values))


@pytest.mark.parametrize("masking", [masking for masking in MASKINGS if masking.round_to > 1], ids=str)
def test_normalized_downloads_are_masked_and_rounded_as_counts_are(masking):
    millionths = [*(count * MILLION for count in range(200)), 49_999_999, 50_000_001, 59_999_999, 10**15 + 1]
    shown = [masking.show(Fraction(value, MILLION)) for value in millionths]
    assert texts(masking, "normalized_downloads", column(millionths)) == list(map(str, shown))
    numbers = masking.numbers("normalized_downloads", column(millionths))
    assert numbers.type == pa.int64()
    assert numbers.to_pylist() == [value if isinstance(value, int) else None for value in shown]


@pytest.mark.parametrize(
    ("millionths", "exact", "masked"),
    [
        (0, "0", "<50"),
        (400, "0", "<50"),
        (1_000, "0.001", "<50"),
        (1_234_567, "1.235", "<50"),
        (49_999_900, "50", "<50"),
        (50_000_000, "50", "50"),
        (110_500_000, "110.5", "110.5"),
        (12_345_678_123_456, "12345678.123", "12345678.123"),
    ],
)
def test_normalized_downloads_that_are_not_rounded_have_three_decimals(millionths, exact, masked):
    found = [
        texts(masking, "normalized_downloads", column([millionths]))[0]
        for masking in (Masking(0, 1), Masking(50, 1))
    ]
    assert found == [exact, masked]
    assert Masking(0, 1).numbers("normalized_downloads", column([millionths])).to_pylist() == [float(exact)]


def test_a_sum_of_normalized_downloads_beyond_2_to_the_53_is_shown():
    """Ten thousand nonsense requests of a million downloads each are enough for that."""
    shown = texts(Masking(50, 20), "normalized_downloads", column([10**16, 10**18]))
    assert shown == ["10000000000", "1000000000000"]


@pytest.mark.parametrize("name", TOTALS)
def test_an_empty_column_stays_empty(name):
    empty = pa.chunked_array([], pa.int64())
    assert Masking(50, 20).numbers(name, empty).to_pylist() == []
    assert texts(Masking(50, 20), name, empty) == []
