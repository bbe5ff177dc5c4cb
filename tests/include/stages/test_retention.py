"""A finished day without its addresses: the same figures, and all that is made of them later."""

from contextlib import suppress
from datetime import date

import pytest

from include.s3logs.days.states import mapped_at
from include.s3logs.errors import (
    ChangedObjectError,
    CorruptLakeError,
    MissingLogObjectsError,
    NotFoundError,
)
from include.s3logs.lake.checkpoint import checkpoint_key, intact_checkpoint, load_checkpoint
from include.s3logs.lake.open_days import open_day
from include.s3logs.lake.retained import retained_days, with_addresses
from include.s3logs.lake.stages import BINNED
from include.s3logs.logs.sources import find_log_objects
from include.s3logs.publishing.publish import publish
from include.s3logs.regions.addresses import pack
from include.s3logs.regions.salt import hash_address
from include.s3logs.settings import Settings
from include.s3logs.stages.limits import Limits
from include.s3logs.stages.retention import retain_day
from include.s3logs.stages.work import run_stage_of
from include.s3logs.stores.folder import LocalStore
from include.s3logs.stores.s3 import S3Store
from include.s3logs.tables.sorting import Limits as Sorting
from tests.support.addresses_in import addresses_in
from tests.support.golden import cases, results
from tests.support.killing_store import Effects, Killed, KillingStore, MeddledStore, Steps
from tests.support.offline_regions import SALT, offline_regions
from tests.support.one_day import map_day, reduce_day, work
from tests.support.small_archive import BOTH, EXACT, FIRST, SECOND, Archive, line

TODAY = date(2024, 8, 1)
IPS = ("192.0.2.10", "198.51.100.7", "198.51.100.8", "8.8.8.8", "2001:db8::7", "2606:4700::1111")
TORN = "torn line of 203.0.113.77"
MOVED = {"reef.txt": "kelp", "kelp.txt": "kelp", "other.txt": "reef"}
OF_THE_DAY = [
    *(line(ip=ip) for ip in IPS),
    *(line("other.txt", ip=ip, status=206, sent=7) for ip in reversed(IPS)),
    line("kelp.txt", ip="::ffff:8.8.8.8"),
    line("kelp.txt", ip="-"),
    *(line("kelp.txt", ip=IPS[0]) for _ in range(2)),
]
LABELS = {"198.51.100.7": "US/California", "8.8.8.8": "undetermined"}


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """A process that dies leaves what it wrote to the system; only a power cut needs fsync."""
    monkeypatch.setattr("include.s3logs.stores.folder.os.fsync", lambda _: None)


def regions(salt=SALT, labels=LABELS):
    return offline_regions(salt=salt, labels=labels)


def put(archive, *content, name="A", day=FIRST):
    archive.source.write(f"{day}-11-00-00-{name}", b"".join(content))


def do(archive, **options):
    return archive.do(FIRST, regions=options.pop("regions", None) or regions(), **options)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A published day, to copy."""
    archive = Archive(tmp_path_factory.mktemp("done"))
    put(archive, *OF_THE_DAY)
    put(archive, *(line(ip=ip, time=f"11:00:{n:02}") for n, ip in enumerate(IPS * 10)), name="B")
    do(archive)
    publish(archive.lake, EXACT)
    return archive


@pytest.fixture
def archive(done, tmp_path):
    return done.copy(tmp_path)


def retain(archive, lake=None, **options):
    source = options.pop("regions", None) or regions()
    retain_day(lake or archive.lake, FIRST, source, TODAY, **options)


def figures(archive):
    publish(archive.lake, EXACT)
    return {key: archive.lake.read(key) for key in archive.files("usage/")}


def checkpoint(archive, stage):
    return load_checkpoint(archive.lake, stage, FIRST)


def told(checkpoint):
    """What it was made from, and what was counted; not what became of the stages before."""
    upstream = {
        stage: {name: said for name, said in one.items() if name != "marks"}
        for stage, one in checkpoint.upstream.items()
    }
    return checkpoint.fingerprint, checkpoint.inputs, checkpoint.counts, upstream


# What goes, and what stays


def test_no_address_is_left_and_the_figures_are_the_same(archive):
    before = figures(archive)
    assert len(addresses_in(archive.lake, IPS)) == 2
    retain(archive)
    assert addresses_in(archive.lake, [*IPS, "8.8.8.8", "203.0.113"]) == {}
    assert with_addresses(archive.lake) == {}
    assert retained_days(archive.lake) == {str(FIRST)}
    assert figures(archive) == before


def test_the_checkpoints_say_when_and_stay_what_they_were_made_from(archive):
    before = {stage: checkpoint(archive, stage) for stage in ("reduced", "binned", "mapped")}
    retain(archive)
    after = {stage: intact_checkpoint(archive.lake, stage, FIRST) for stage in before}
    assert {stage: told(one) for stage, one in after.items()} == {s: told(one) for s, one in before.items()}
    assert after["mapped"] == before["mapped"]
    assert after["reduced"].marks == {"retained": "2024-08-01"}
    assert after["binned"].marks == {"retained": "2024-08-01", "regions": regions().version}
    assert after["reduced"].files == {role: before["reduced"].files[role] for role in ("objects", "foreign")}
    assert set(after["binned"].files) == {"keys", "retained"}


def test_a_row_keeps_the_hash_that_map_has_its_region_and_its_network(archive):
    mapped = set(archive.output("mapped", FIRST, "requesters")["requester"].to_pylist())
    retain(archive)
    rows = archive.output("binned", FIRST, "retained").to_pylist()

    def keyed(packed):
        return int.from_bytes(hash_address(SALT, packed)[:8], "big")

    networks = {ip: keyed(pack(ip)[:3] if "." in ip else pack(ip)[:6]) for ip in IPS}
    expected = {(keyed(pack(ip)), networks[ip]) for ip in IPS}
    assert {(row["requester"], row["network"]) for row in rows} == {*expected, (0, 0)}
    assert {requester for requester, _ in expected} == mapped
    assert networks["198.51.100.7"] == networks["198.51.100.8"]
    assert len(set(networks.values())) == len(IPS) - 1
    known = {row["requester"]: row["region"] for row in rows}
    assert known[keyed(pack("198.51.100.7"))] == "US/California"
    assert known[0] == "unknown"
    assert rows == sorted(rows, key=lambda row: (row["object_key"], row["timestamp"], row["requester"]))


def test_the_rows_do_not_depend_on_how_many_are_sorted_at_once(archive, done, tmp_path):
    few = Limits(rows=3, sorting=Sorting(run=200, batch=2, step=100, runs=2, piece=3))
    other = done.copy(tmp_path / "other")
    retain(archive)
    retain(other, limits=few)
    files = [checkpoint(one, "binned").files["retained"].sha256 for one in (archive, other)]
    assert files[0] == files[1]


def test_a_day_without_any_request_has_no_addresses_either(archive):
    put(archive, b"".join([line(status=404)]), day=SECOND)
    archive.do(SECOND, regions=regions())
    retain_day(archive.lake, SECOND, regions(), TODAY)
    assert retained_days(archive.lake) == {str(SECOND)}


# What is made of it later


def reused(archive, **options):
    return do(archive, **options).reused


@pytest.mark.parametrize("gone", [[], ["B"], ["A", "B"]], ids=str)
def test_a_retained_day_is_reused_also_when_its_logs_are_gone(archive, gone):
    before = figures(archive)
    retain(archive)
    archive.source.delete([f"{FIRST}-11-00-00-{name}" for name in gone])
    assert reused(archive)
    assert checkpoint(archive, "mapped").upstream["binned"]["marks"] == checkpoint(archive, "binned").marks
    stood = {info.key: info for info in archive.lake.list()}
    assert reused(archive)
    assert {info.key: info for info in archive.lake.list()} == stood
    assert figures(archive) == before


@pytest.mark.parametrize("logs", ["there", "gone"])
def test_another_catalog_maps_it_again_as_if_the_addresses_were_there(archive, done, tmp_path, logs):
    other = done.copy(tmp_path / "other")
    retain(archive)
    for one in (archive, other):
        if logs == "gone":
            one.source.delete([info.key for info in one.source.list()])
        assert not do(one, datasets=MOVED).reused
    assert figures(archive) == figures(other) != figures(done)
    mine, others = checkpoint(archive, "mapped"), checkpoint(other, "mapped")
    assert told(mine) == told(others)
    assert {role: file.sha256 for role, file in mine.files.items()} == {
        role: file.sha256 for role, file in others.files.items()
    }


def test_regions_stay_what_they_were_and_are_not_asked_for_again(archive):
    assert checkpoint(archive, "mapped").counts["rows_undetermined"] == 12
    retain(archive)
    nobody = regions(labels=None)
    before = checkpoint(archive, "mapped")
    assert reused(archive, regions=nobody)
    do(archive, datasets=MOVED, regions=nobody)
    assert checkpoint(archive, "mapped").counts["rows_undetermined"] == 12
    assert checkpoint(archive, "mapped").inputs["regions"] == before.inputs["regions"]


def test_regions_are_asked_for_once_more_before_the_addresses_go(archive):
    retain(archive, regions=regions(labels={"8.8.8.8": "US/Oregon"}))
    do(archive, datasets=MOVED)
    assert checkpoint(archive, "mapped").counts["rows_undetermined"] == 0
    assert "US/Oregon" in archive.output("mapped", FIRST, "by_region")["region"].to_pylist()


def test_with_another_salt_it_keeps_the_hashes_and_says_of_which_salt_they_are(archive):
    retain(archive)
    before = archive.output("mapped", FIRST, "requesters")["requester"].to_pylist()
    other = regions(salt=b"another salt than that of the tests")
    assert reused(archive, regions=other)
    do(archive, datasets={**BOTH, "other.txt": "reef"}, regions=other)
    mapped = checkpoint(archive, "mapped")
    assert mapped.inputs["regions"] == regions().version != other.version
    assert set(archive.output("mapped", FIRST, "requesters")["requester"].to_pylist()) == set(before)


def test_late_log_objects_compute_it_anew_while_all_earlier_ones_are_there(archive):
    retain(archive)
    put(archive, line(ip="192.0.2.99"), name="LATE")
    assert not reused(archive)
    assert checkpoint(archive, "reduced").retained == checkpoint(archive, "binned").retained == ""
    assert retained_days(archive.lake) == set()
    assert checkpoint(archive, "mapped").counts["rows"] == checkpoint(archive, "binned").counts["rows"]
    after = figures(archive)
    retain(archive)
    assert addresses_in(archive.lake, [*IPS, "192.0.2.99"]) == {}
    assert figures(archive) == after


def test_late_log_objects_are_refused_when_an_earlier_one_is_gone(archive):
    retain(archive)
    before = {info.key: info for info in archive.lake.list("binned/")}
    put(archive, line(ip="192.0.2.99"), name="LATE")
    archive.source.delete([f"{FIRST}-11-00-00-A"])
    with pytest.raises(MissingLogObjectsError, match="1 of them are gone"):
        do(archive)
    assert {info.key: info for info in archive.lake.list("binned/")} == before


def test_with_force_it_is_computed_from_the_logs(archive):
    before = figures(archive)
    retain(archive)
    archive.do(FIRST, regions=regions(), force=True)
    assert checkpoint(archive, "reduced").retained == ""
    assert figures(archive) == before


def test_with_force_bin_keeps_its_result_where_the_rows_are_gone_and_says_so(archive, caplog):
    retain(archive)
    outcome = run_stage_of(BINNED, work(archive.lake, FIRST, force=True))
    assert outcome.reused
    assert outcome.checkpoint == checkpoint(archive, "binned")
    assert "2024-06-01: the rows of this day went with its addresses on 2024-08-01" in caplog.text


def test_where_bin_has_lost_its_result_that_is_said_and_the_logs_make_it_again(archive):
    before = figures(archive)
    retain(archive)
    archive.lake.delete([checkpoint(archive, "binned").files["retained"].key])
    with pytest.raises(MissingLogObjectsError, match=r"went with its addresses on 2024-08-01.*with force"):
        do(archive)
    assert figures(archive) == before
    archive.do(FIRST, regions=regions(), force=True)
    assert figures(archive) == before


def test_in_a_bucket_it_is_the_same(done, s3, bucket, tmp_path):
    archive = Archive(tmp_path)
    archive.lake = S3Store(s3.client, bucket, "lake/")
    for name in ("A", "B"):
        put(archive, done.source.read(f"{FIRST}-11-00-00-{name}"), name=name)
    do(archive)
    before = figures(archive)
    assert before == figures(done)
    retain(archive)
    assert addresses_in(archive.lake, IPS) == {}
    assert reused(archive)
    assert not do(archive, datasets=MOVED).reused
    do(archive)
    assert figures(archive) == before


@pytest.mark.parametrize("case", cases("map"), ids=str)
def test_every_golden_day_is_mapped_from_hashes_as_from_addresses(case, tmp_path):
    results(case, tmp_path)
    lake = LocalStore(tmp_path / "lake")
    (day,) = mapped_at(lake)
    before = load_checkpoint(lake, "mapped", day)
    retain_day(lake, day, case.regions(), TODAY)
    binned = load_checkpoint(lake, "binned", day)
    after = map_day(lake, binned, case.catalog(), case.regions(), force=True)
    assert not after.reused
    assert told(after.checkpoint) == told(before)
    assert after.checkpoint.content() == before.content()


# When it has to wait


def test_a_day_at_work_keeps_its_addresses(archive):
    before = {info.key: info for info in archive.lake.list("binned/")}
    open_day(archive.lake, FIRST, "a run")
    with pytest.raises(ChangedObjectError, match="at work on log day 2024-06-01"):
        retain(archive)
    assert {info.key: info for info in archive.lake.list("binned/")} == before


@pytest.mark.parametrize("lost", ["checkpoint", "other rows"])
def test_without_what_bin_made_of_the_rows_they_stay(archive, lost):
    if lost == "checkpoint":
        archive.lake.delete([checkpoint_key("binned", FIRST)])
    else:
        put(archive, line(ip="192.0.2.99"), name="LATE")
        stores = {"source": archive.source}
        listing = find_log_objects(stores, FIRST, FIRST)
        reduce_day(archive.lake, stores, FIRST, listing, Settings(_env_file=None))
        archive.lake.delete([f"open/{FIRST}"])
    rows = checkpoint(archive, "reduced").files["rows"]
    with pytest.raises(NotFoundError, match=r"binned/2024-06-01/_checkpoint.json is not there, or not of"):
        retain(archive)
    assert archive.lake.find(rows.key)


def test_damaged_rows_stay_and_are_named(archive):
    file = checkpoint(archive, "binned").files["rows"]
    archive.lake.write(file.key, b"damaged")
    with pytest.raises(CorruptLakeError, match="rows-"):
        retain(archive)
    assert checkpoint(archive, "reduced").retained == ""


class Interfering:
    """Regions that let somebody do something when they are opened."""

    def __init__(self, meddle):
        self.version, self._meddle = regions().version, meddle

    def open(self):
        self._meddle()
        return regions().open()


def test_what_another_run_makes_meanwhile_stays_whole(archive):
    def compute():
        put(archive, line(ip="192.0.2.99"), name="LATE")
        do(archive)

    with pytest.raises(ChangedObjectError):
        retain(archive, regions=Interfering(compute))
    assert all(intact_checkpoint(archive.lake, stage, FIRST) for stage in ("reduced", "binned", "mapped"))
    assert checkpoint(archive, "reduced").retained == checkpoint(archive, "binned").retained == ""
    assert not list(archive.lake.list(f"binned/{FIRST}/retained-"))
    retain(archive)
    assert addresses_in(archive.lake, [*IPS, "192.0.2.99"]) == {}


def test_files_of_a_run_that_begins_meanwhile_stay(archive):
    with pytest.raises(ChangedObjectError):
        retain(archive, regions=Interfering(lambda: open_day(archive.lake, FIRST, "a run")))
    assert checkpoint(archive, "binned").retained
    assert list(with_addresses(archive.lake)) == [FIRST]
    archive.lake.delete([f"open/{FIRST}"])
    retain(archive)
    assert with_addresses(archive.lake) == {}


LATE = "192.0.2.99"


def late(archive):
    put(archive, line(ip=LATE), name="LATE")
    do(archive)


@pytest.fixture(scope="module")
def with_late(done, tmp_path_factory):
    """What is published when the late log object comes and nobody takes addresses away."""
    archive = done.copy(tmp_path_factory.mktemp("late"))
    late(archive)
    return figures(archive)


# Version and checkpoint of two stages; is somebody at work? The file is written, and the two checkpoints; two
# folders are listed; is somebody at work? Two checkpoints again; the files are deleted.
STEPS = 4 + 1 + 1 + 2 + 2 + 1 + 2 + 1


@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_whenever_another_run_comes_in_what_it_makes_stays_whole(archive, with_late, at):
    steps = Steps(at, lambda: late(archive))
    with suppress(ChangedObjectError, NotFoundError, CorruptLakeError):
        retain(archive, MeddledStore(archive.lake, steps))
    assert steps.done >= at
    assert all(intact_checkpoint(archive.lake, stage, FIRST) for stage in ("reduced", "binned", "mapped"))
    retain(archive)
    assert addresses_in(archive.lake, [*IPS, LATE]) == {}
    assert reused(archive)
    assert figures(archive) == with_late


def test_these_are_all_steps(archive):
    steps = Steps(None, None)
    retain(archive, MeddledStore(archive.lake, steps))
    assert steps.done == STEPS


# Killed anywhere


def orphans(archive):
    """Leave what killed attempts leave, and what nobody knows."""
    for key in ("reduced/{}/rows-0.parquet", "reduced/{}/quarantine-0.jsonl", "binned/{}/rows-0.parquet"):
        archive.lake.write(key.format(FIRST), TORN.encode())
    archive.lake.write(f"binned/{FIRST}/unknown", TORN.encode())


# The file, two checkpoints, then the rows and the quarantine of reduce, the rows of bin, and four orphans.
EFFECTS = 1 + 2 + 3 + 4


def attempt(archive, fatal=None):
    effects = Effects(fatal)
    retain(archive, KillingStore(archive.lake, effects))
    return effects.done


def left(archive):
    found = {stage: checkpoint(archive, stage) for stage in ("reduced", "binned", "mapped")}
    return {
        stage: (told(one), one.marks, {role: file.sha256 for role, file in one.files.items()})
        for stage, one in found.items()
    }


def test_there_are_so_many_side_effects(archive):
    orphans(archive)
    assert attempt(archive) == EFFECTS
    assert attempt(archive) == 0


@pytest.mark.parametrize("fatal", range(EFFECTS))
def test_killed_before_any_side_effect_the_next_attempt_gets_there(archive, done, tmp_path, fatal):
    orphans(archive)
    with pytest.raises(Killed):
        attempt(archive, fatal)
    for stage in ("reduced", "binned", "mapped"):
        assert intact_checkpoint(archive.lake, stage, FIRST) or fatal > 2
    assert str(FIRST) not in retained_days(archive.lake)
    attempt(archive)
    undisturbed = done.copy(tmp_path / "undisturbed")
    retain(undisturbed)
    assert left(archive) == left(undisturbed)
    assert addresses_in(archive.lake, [*IPS, "203.0.113"]) == {}
    assert figures(archive) == figures(undisturbed)


@pytest.mark.parametrize("fatal", range(EFFECTS))
def test_killed_before_any_side_effect_the_day_can_be_mapped(archive, fatal):
    orphans(archive)
    with pytest.raises(Killed):
        attempt(archive, fatal)
    assert not do(archive, datasets=MOVED).reused
    assert checkpoint(archive, "mapped").counts["rows"] == checkpoint(archive, "binned").counts["rows"]
