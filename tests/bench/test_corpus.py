"""The benchmark's corpus is the same on every call, and its truth is what s3logs finds."""

import hashlib

import numpy as np
import pytest

from include.s3logs.parsing.strict import Reason, lines, parse_line
from tests.bench.contestants import CONTESTANTS, LIMIT
from tests.bench.corpus import write_corpus
from tests.bench.worker import compare

NASTY = 0.1


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "corpus.log"
    return path, write_corpus(path, 2, NASTY)


def test_the_truth_agrees_with_the_strict_parser(corpus):
    path, truth = corpus
    read = [parse_line(line) for _, line in lines(path.read_bytes())]
    records = [record for record in read if not isinstance(record, Reason)]
    sent = [
        record.bytes_sent or 0
        for record in records
        if record.operation == "REST.GET.OBJECT" and record.http_status in range(200, 300)
    ]
    assert len(read) == truth.lines
    assert len(read) - len(records) == truth.rejections
    assert sent == np.load(path.with_suffix(".npy")).tolist()
    assert (len(sent), sum(sent)) == (truth.reduced_rows, truth.bytes_sent)


def test_it_looks_like_traffic(corpus, tmp_path):
    path, truth = corpus
    data = path.read_bytes()
    assert truth.size == len(data) <= 2_000_000
    assert truth.size > 1_990_000
    assert not set(data) & set(range(7))  # no mark is left
    plain = tmp_path / "plain.log"
    without = write_corpus(plain, 2, 0)
    read = [parse_line(line) for _, line in lines(plain.read_bytes())]
    assert without.rejections == 0
    assert 590 < without.size / without.lines < 650
    assert 0.55 < without.reduced_rows / without.lines < 0.65
    assert 0.02 < sum('"' in (record.request_uri or "") for record in read) / without.lines < 0.04
    assert len({record.request_id for record in read}) == without.lines
    assert all(not record.extra for record in read)
    assert {line.count(b" us-east-2") + line.endswith(b" -") for _, line in lines(plain.read_bytes())} == {1}


def test_the_same_bytes_each_time(corpus, tmp_path):
    path, truth = corpus
    again = tmp_path / "again.log"
    assert write_corpus(again, 2, NASTY) == truth
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(path.read_bytes()).digest()


def test_a_file_that_is_there_is_used_and_a_damaged_one_written_anew(corpus, tmp_path):
    path = tmp_path / "corpus.log"
    truth = write_corpus(path, 1)
    written = path.stat().st_mtime_ns
    assert write_corpus(path, 1) == truth
    assert path.stat().st_mtime_ns == written
    path.write_bytes(b"short")
    assert write_corpus(path, 1) == truth
    assert path.stat().st_size == truth.size
    assert write_corpus(path, 1, 0.5).rejections > truth.rejections


@pytest.mark.parametrize("name", [name for name in CONTESTANTS if name.startswith("s3logs")])
def test_s3logs_finds_every_row_and_invents_none(corpus, name):
    path, _ = corpus
    found = CONTESTANTS[name].run(path)
    assert found.tolist() == np.load(path.with_suffix(".npy")).tolist()


def test_the_limit_counts_every_line(corpus):
    path, truth = corpus
    assert len(CONTESTANTS[LIMIT].run(path)) == truth.lines


def test_missing_and_invented_rows_are_told_apart():
    expected = np.array([5, 5, 7, 9])
    assert compare(expected[::-1], expected) == (0, 0)
    assert compare(np.array([5, 7, 8, 8, 9]), expected) == (1, 2)
    assert compare(np.array([], np.int64), expected) == (4, 0)
