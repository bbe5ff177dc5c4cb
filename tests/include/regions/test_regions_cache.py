"""The region cache: nothing lost between any number of writers and a merger, everything due in its time."""

import secrets
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from datetime import date, timedelta
from multiprocessing import get_context

import numpy as np
import pytest

from include.s3logs.errors import CorruptLakeError
from include.s3logs.regions.cache import (
    POINTER,
    RegionCache,
    cached_regions,
    is_due,
    merge_cache,
)
from include.s3logs.regions.rebuild import rebuild_cache
from include.s3logs.stores.folder import LocalStore

DAY = date(2026, 6, 1)


@pytest.fixture
def lake(tmp_path):
    return LocalStore(tmp_path)


def hashes(count):
    return [secrets.token_bytes(16) for _ in range(count)]


def found(lake, keys, today=DAY):
    return RegionCache(lake).find(keys, today)[0]


def keys_in(lake):
    return [info.key for info in lake.list("regions/cache/")]


def write_files(root, writer):
    """Work of one process: ten files of ten entries, all of them known to the caller."""
    for number in range(10):
        keys = [bytes([writer, number, entry]) + bytes(13) for entry in range(10)]
        RegionCache(LocalStore(root)).add(keys, [f"R{writer}"] * 10, DAY)


def test_what_was_added_is_found_by_everybody_who_reads_after_that(lake):
    keys = [*hashes(3), bytes(16)]  # zero bytes are bytes like any other
    cache_ = RegionCache(lake)
    assert found(lake, keys) == [None] * 4
    cache_.add(keys[:2], ["US/California", "NL"], DAY)
    cache_.add(keys[3:], ["unknown"], DAY)
    assert found(lake, keys) == ["US/California", "NL", None, "unknown"]
    cache_.reload()
    assert cache_.find(keys, DAY)[0] == ["US/California", "NL", None, "unknown"]
    assert found(lake, []) == []


def test_the_newest_answer_counts_before_and_after_a_merge(lake):
    (key,) = hashes(1)
    for day, region in ((2, "NL"), (3, "DE"), (1, "FR")):
        RegionCache(lake).add([key], [region], date(2026, 6, day))
    assert found(lake, [key]) == ["DE"]
    merge_cache(lake, date(2026, 6, 4))
    assert found(lake, [key]) == ["DE"]
    RegionCache(lake).add([key], ["US"], date(2026, 6, 5))
    assert found(lake, [key]) == ["US"]


def test_a_merge_leaves_one_file_and_a_second_one_nothing_to_do(lake):
    keys = hashes(4)
    for key in keys:
        RegionCache(lake).add([key], ["NL"], DAY)
    state = merge_cache(lake, DAY)
    assert (state.entries, state.merged_files, state.pruned, state.oldest) == (4, 4, 0, DAY)
    checkpoint, base = keys_in(lake)
    assert checkpoint == "regions/cache/_checkpoint.json"
    assert base.startswith("regions/cache/base-")
    before = lake.read(checkpoint)
    assert merge_cache(lake, DAY).merged_files == 0
    assert keys_in(lake) == [checkpoint, base]
    assert lake.read(checkpoint) == before
    assert found(lake, keys) == ["NL"] * 4
    assert cached_regions(lake) == {"NL"}


def test_an_empty_cache_is_merged_to_nothing(lake):
    state = merge_cache(lake, DAY)
    assert (state.entries, state.merged_files, state.pruned, state.oldest) == (0, 0, 0, None)
    assert keys_in(lake) == []


def test_entries_that_nobody_needed_for_a_year_go(lake):
    keys = hashes(2)
    RegionCache(lake).add(keys[:1], ["NL"], DAY - timedelta(days=366))
    RegionCache(lake).add(keys[1:], ["DE"], DAY - timedelta(days=365))
    assert merge_cache(lake, DAY).pruned == 1
    assert found(lake, keys) == [None, "DE"]
    assert merge_cache(lake, DAY).pruned == 0


def test_the_earlier_base_stays_for_its_readers_and_goes_when_it_is_old(lake, tmp_path, monkeypatch):
    for _ in range(2):
        RegionCache(lake).add(hashes(1), ["NL"], DAY)
        merge_cache(lake, DAY)
    assert len(keys_in(lake)) == 3
    RegionCache(lake).add(hashes(1), ["NL"], DAY)
    merge_cache(lake, DAY, sweep_age=timedelta(seconds=-1))
    assert len(keys_in(lake)) == 3  # the newest two
    assert merge_cache(lake, DAY).entries == 3


# A crash of the merger, anywhere


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_merger_that_dies_loses_nothing(lake, monkeypatch, writes):
    keys = hashes(3)
    for key in keys:
        RegionCache(lake).add([key], ["NL"], DAY)

    class DiesError(Exception):
        pass

    left = [writes]
    write, delete = lake.write, lake.delete

    def counted(*arguments, **condition):
        if not left[0]:
            raise DiesError
        left[0] -= 1
        write(*arguments, **condition)

    def dies(_):
        raise DiesError

    monkeypatch.setattr(lake, "write", counted)
    monkeypatch.setattr(lake, "delete", dies)
    with pytest.raises(DiesError):
        merge_cache(lake, DAY)
    monkeypatch.setattr(lake, "write", write)
    monkeypatch.setattr(lake, "delete", delete)
    assert found(lake, keys) == ["NL"] * 3
    assert merge_cache(lake, DAY).entries == 3
    assert found(lake, keys) == ["NL"] * 3


# Several at once


def test_writers_in_several_processes_lose_nothing(lake, tmp_path):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(write_files, [tmp_path] * 4, range(4)))
    keys = [bytes([w, n, e]) + bytes(13) for w in range(4) for n in range(10) for e in range(10)]
    expected = [f"R{w}" for w in range(4) for _ in range(100)]
    assert found(lake, keys) == expected
    assert merge_cache(lake, DAY).entries == 400
    assert found(lake, keys) == expected


def test_readers_and_writers_go_on_while_files_are_merged_away(lake):
    written, problems, done = [], [], threading.Event()

    def write():
        for _ in range(30):
            keys = hashes(3)
            RegionCache(lake).add(keys, ["NL"] * 3, DAY)
            written.extend(keys)

    def read():
        while not done.is_set():
            known = list(written)
            missing = [label for label in found(lake, known) if label is None]
            if missing:
                problems.append(f"{len(missing)} of {len(known)} entries were not there")

    def merge():
        while not done.is_set():
            merge_cache(lake, DAY)

    with ThreadPoolExecutor(5) as pool:
        others = [pool.submit(read), pool.submit(read), pool.submit(merge)]
        writers = [pool.submit(write), pool.submit(write)]
        wait(writers)
        done.set()
        for worker in [*writers, *others]:
            worker.result()
    assert problems == []
    assert len(written) == 180
    assert merge_cache(lake, DAY).entries == 180


# What is due


def test_every_day_one_ninetieth_becomes_due_and_all_of_it_in_ninety_days():
    keys = hashes(9000)
    checked = np.full(len(keys), DAY.toordinal())
    due = [set(np.flatnonzero(is_due(keys, checked, DAY + timedelta(days=n)))) for n in range(91)]
    assert due[0] == set()
    for n in range(90):
        assert due[n] <= due[n + 1]
        assert 50 < len(due[n + 1] - due[n]) < 160
    assert len(due[90]) == len(keys)


def test_an_entry_is_due_until_it_is_checked_again():
    key = [(7).to_bytes(2) + bytes(14)]
    day = next(d for d in (DAY + timedelta(days=n) for n in range(90)) if d.toordinal() % 90 == 7)

    def due(checked, today):
        return is_due(key, np.array([checked.toordinal()]), today)[0]

    before = day - timedelta(days=1)
    assert not due(before, before)
    assert due(before, day)
    assert due(before, day + timedelta(days=5))  # nobody met the requester on the day itself
    assert not due(day, day)
    assert not due(day, day + timedelta(days=89))
    assert due(day, day + timedelta(days=90))


# Damage


@pytest.mark.parametrize("name", ["new/x.parquet", "_checkpoint.json"])
def test_a_file_that_is_no_part_of_the_cache_is_named(lake, name):
    lake.write(f"regions/cache/{name}", b"nonsense")
    with pytest.raises(CorruptLakeError, match=rf"{name} is no part of the region cache\. `make verify"):
        RegionCache(lake)


def test_a_base_that_is_gone_or_changed_is_named(lake):
    RegionCache(lake).add(hashes(1), ["NL"], DAY)
    merge_cache(lake, DAY)
    base = next(key for key in keys_in(lake) if "base-" in key)
    data = lake.read(base)
    lake.write(base, data + b"x")
    with pytest.raises(CorruptLakeError, match="base-"):
        RegionCache(lake)
    lake.delete([base])
    with pytest.raises(CorruptLakeError, match="make verify REPAIR=1"):
        RegionCache(lake)


def test_entries_whose_file_changed_are_not_believed(lake):
    RegionCache(lake).add(hashes(2), ["NL", "DE"], DAY)
    (key,) = keys_in(lake)
    lake.write(key, lake.read(key).replace(b"NL", b"BE"))
    with pytest.raises(CorruptLakeError, match=key):
        RegionCache(lake)


def test_whatever_byte_of_a_file_without_a_digest_is_another_no_other_error_comes(lake):
    """So earlier releases named new files; what cannot be told is believed."""
    RegionCache(lake).add(hashes(3), ["NL", "DE", "FR"], DAY)
    (key,) = keys_in(lake)
    data, name = lake.read(key), "regions/cache/new/0123456789abcdef0123456789abcdef.parquet"
    lake.delete([key])
    refused = 0
    for at in range(0, len(data), 7):
        lake.write(name, data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        try:
            RegionCache(lake)
        except CorruptLakeError:
            refused += 1
    assert refused > 20


def test_without_its_checkpoint_the_bases_beside_it_are_read(lake):
    keys = hashes(3)
    for key, region in zip(keys, ["NL", "DE"], strict=False):
        RegionCache(lake).add([key], [region], DAY)
        merge_cache(lake, DAY)
    lake.delete([POINTER])
    assert found(lake, keys) == ["NL", "DE", None]
    RegionCache(lake).add(keys[2:], ["FR"], DAY)
    assert merge_cache(lake, DAY).entries == 3
    assert found(lake, keys) == ["NL", "DE", "FR"]


@pytest.mark.parametrize("damaged", ["base", "new", "checkpoint"])
def test_a_cache_that_is_rebuilt_keeps_all_that_is_whole(lake, damaged):
    keys = hashes(3)
    RegionCache(lake).add(keys[:1], ["NL"], DAY)
    merge_cache(lake, DAY)
    for key, region in zip(keys[1:], ["DE", "FR"], strict=True):
        RegionCache(lake).add([key], [region], DAY)
    (base,) = (key for key in keys_in(lake) if "base-" in key)
    new = next(info.key for info in lake.list("regions/cache/new/"))
    key = {"base": base, "new": new, "checkpoint": POINTER}[damaged]
    lake.write(key, lake.read(key)[:-9] + b"123456789")
    assert rebuild_cache(lake) == (damaged != "checkpoint")
    assert len(RegionCache(lake).entries) == (3 if damaged == "checkpoint" else 2)
    assert list(lake.list("regions/cache/new/")) == []
