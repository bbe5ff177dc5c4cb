import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import date

import pytest

from include.s3logs.errors import ChangedObjectError, CorruptLakeError, NewerLakeError
from include.s3logs.lake.checkpoint import (
    KIND,
    RETAINED,
    Attempt,
    amend,
    checkpoint_key,
    copy_output,
    load_checkpoint,
    read_output,
    run_stage,
)
from include.s3logs.lake.open_days import open_days
from include.s3logs.lake.pointer import Pointer
from include.s3logs.lake.stages import REDUCED
from include.s3logs.stores.folder import LocalStore
from include.s3logs.tables.parquet import to_parquet

DAY = date(2024, 6, 1)


@pytest.fixture
def lake(tmp_path):
    return LocalStore(tmp_path)


class Stage:
    """A stage that counts how often it was computed."""

    def __init__(self):
        self.computed = 0

    def __call__(self, attempt):
        self.computed += 1
        attempt.write("objects", "tsv", b"the rows")
        return {"rows": 8}

    def run(self, lake, **inputs):
        force = inputs.pop("force", False)
        return run_stage(lake, REDUCED, DAY, inputs=inputs, compute=self, force=force, token="a run")


def test_same_inputs_are_reused_and_other_inputs_computed(lake):
    stage = Stage()
    first = stage.run(lake, version=1)
    assert (first.reused, stage.computed) == (False, 1)
    again = stage.run(lake, version=1)
    assert (again.reused, stage.computed) == (True, 1)
    assert again.checkpoint == first.checkpoint
    assert stage.run(lake, version=2).reused is False
    assert stage.run(lake, version=2, force=True).reused is False


def test_a_file_is_an_output_like_any_other(lake, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "rows"
    path.write_bytes(b"the rows" * 100_000)
    in_memory, on_disk = Attempt(lake, "reduced", DAY), Attempt(lake, "reduced", DAY)
    in_memory.write("objects", "tsv", path.read_bytes())
    on_disk.write_file("objects", "tsv", path)
    assert replace(in_memory.files["objects"], key="") == replace(on_disk.files["objects"], key="")
    assert lake.read(in_memory.files["objects"].key) == lake.read(on_disk.files["objects"].key)
    assert on_disk.files["objects"].key.startswith(f"reduced/{DAY}/objects-")


def test_a_new_attempt_never_writes_a_file_of_an_earlier_one(lake):
    stage = Stage()
    before = stage.run(lake, version=1).checkpoint.files["objects"]
    after = stage.run(lake, version=2).checkpoint.files["objects"]
    assert before.key != after.key
    assert lake.read(before.key) == lake.read(after.key)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 0}', b'{"format": 1}', b"\xff"])
def test_a_damaged_checkpoint_is_no_checkpoint(lake, damage):
    stage = Stage()
    stage.run(lake, version=1)
    lake.write(checkpoint_key("reduced", DAY), damage)
    assert load_checkpoint(lake, "reduced", DAY) is None
    assert stage.run(lake, version=1).reused is False


def test_a_lost_or_cut_file_is_computed_again(lake):
    stage = Stage()
    lake.delete([stage.run(lake, version=1).checkpoint.files["objects"].key])
    outcome = stage.run(lake, version=1)
    assert outcome.reused is False
    lake.write(outcome.checkpoint.files["objects"].key, b"cut")
    assert stage.run(lake, version=1).reused is False


def test_reading_a_file_with_other_content_fails_and_says_what_to_do(lake):
    checkpoint = Stage().run(lake, version=1).checkpoint
    lake.write(checkpoint.files["objects"].key, b"the r0ws")
    with pytest.raises(CorruptLakeError, match="make verify REPAIR=1"):
        read_output(lake, checkpoint, "objects")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (to_parquet(REDUCED.file("rows").schema.empty_table()), ""),
        (
            to_parquet(REDUCED.file("rows").schema.empty_table().drop_columns(["remote_ip"])),
            "it has the columns",
        ),
        (b"the rows", "it is no Parquet file"),
    ],
)
def test_a_table_has_the_columns_that_its_stage_says(lake, tmp_path, content, problem):
    attempt = Attempt(lake, "reduced", DAY)
    attempt.write("rows", "parquet", content)
    checkpoint = attempt.commit({}, {}, {})
    expected = pytest.raises(CorruptLakeError, match=problem) if problem else nullcontext()
    with expected:
        read_output(lake, checkpoint, "rows")
    with expected:
        copy_output(lake, checkpoint, "rows", tmp_path / "copy")


def test_checkpoints_survive_the_round_trip(lake):
    assert Stage().run(lake, version=1).checkpoint == load_checkpoint(lake, "reduced", DAY)


def test_a_checkpoint_of_a_later_release_is_refused_and_left_alone(lake):
    stage = Stage()
    stage.run(lake, version=1)
    key = checkpoint_key("reduced", DAY)
    newer = json.dumps(json.loads(lake.read(key)) | {"format": 99}).encode()
    lake.write(key, newer)
    with pytest.raises(NewerLakeError, match=r"_checkpoint\.json was written by a later release"):
        load_checkpoint(lake, "reduced", DAY)
    with pytest.raises(NewerLakeError):
        stage.run(lake, version=2, force=True)
    assert (lake.read(key), stage.computed) == (newer, 1)


# Marks: what became of a result later


def test_a_mark_is_no_part_of_what_a_result_was_made_from(lake):
    stage = Stage()
    before = stage.run(lake, version=1).checkpoint
    place = Pointer(lake, checkpoint_key("reduced", DAY), KIND)
    amended = amend(lake, before, {}, {RETAINED: "2024-08-01"}, over=place.version())
    assert amended == load_checkpoint(lake, "reduced", DAY)
    assert (amended.retained, amended.marks, amended.files) == ("2024-08-01", {"retained": "2024-08-01"}, {})
    assert (amended.fingerprint, amended.inputs) == (before.fingerprint, before.inputs)
    assert stage.run(lake, version=1).checkpoint == amended
    assert stage.run(lake, version=2).checkpoint.marks == {}
    assert amend(lake, amended, {}, {"other": 1}, over=place.version()).marks == {
        "retained": "2024-08-01",
        "other": 1,
    }


def test_a_mark_is_put_on_no_other_version_than_the_one_that_was_read(lake):
    stage = Stage()
    before = stage.run(lake, version=1).checkpoint
    version = Pointer(lake, checkpoint_key("reduced", DAY), KIND).version()
    after = stage.run(lake, version=2).checkpoint
    with pytest.raises(ChangedObjectError):
        amend(lake, before, {}, {RETAINED: "2024-08-01"}, over=version)
    assert load_checkpoint(lake, "reduced", DAY) == after


def test_a_checkpoint_without_marks_is_as_the_format_before_wrote_it(lake):
    stage = Stage()
    checkpoint = stage.run(lake, version=1).checkpoint
    key = checkpoint_key("reduced", DAY)
    told = json.loads(lake.read(key))
    assert "marks" not in told
    del told["checksum"]  # which that format did not have
    lake.write(key, json.dumps(told | {"format": 2}).encode())
    assert load_checkpoint(lake, "reduced", DAY) == checkpoint
    assert stage.run(lake, version=1).reused


class Racing(Stage):
    """A stage during which another run does the same, or something else."""

    def __init__(self, **other):
        super().__init__()
        self.other = other

    def __call__(self, attempt):
        if not self.computed:
            self.computed = 1
            Stage().run(attempt.lake, **self.other)
        return super().__call__(attempt)


@pytest.mark.parametrize("before", [False, True])
def test_of_two_runs_that_do_the_same_the_later_one_takes_the_result_of_the_first(lake, before):
    if before:
        Stage().run(lake, version=0)
    outcome = Racing(version=1).run(lake, version=1)
    assert outcome.reused
    assert outcome.checkpoint == load_checkpoint(lake, "reduced", DAY)
    assert len({info.key for info in lake.list(f"reduced/{DAY}/objects-")}) == 1 + before


def test_of_two_runs_that_differ_the_later_one_throws_its_files_away_and_says_so(lake):
    with pytest.raises(ChangedObjectError, match=f"reduced of {DAY} was faster"):
        Racing(version=2).run(lake, version=1)
    stands = load_checkpoint(lake, "reduced", DAY)
    assert stands.inputs == {"version": 2}
    assert [info.key for info in lake.list(f"reduced/{DAY}/objects-")] == [stands.files["objects"].key]


def test_a_forced_run_that_loses_a_race_does_not_take_the_result_of_before(lake):
    Stage().run(lake, version=1)
    with pytest.raises(ChangedObjectError):
        Racing(version=2).run(lake, version=1, force=True)


def test_a_crashed_stage_leaves_the_day_open_and_the_old_result_in_force(lake):
    before = Stage().run(lake, version=1).checkpoint

    def crash(attempt):
        attempt.write("objects", "tsv", b"half")
        raise RuntimeError("crash")

    with pytest.raises(RuntimeError):
        run_stage(lake, REDUCED, DAY, inputs={"version": 2}, compute=crash, token="a run")
    assert load_checkpoint(lake, "reduced", DAY) == before
    assert read_output(lake, before, "objects") == b"the rows"
    assert open_days(lake) == {"2024-06-01"}
