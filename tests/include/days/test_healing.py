"""Log objects that could not be read are asked for again, within bounds."""

import json
from datetime import date, timedelta

import pytest

from include.s3logs.days.healing import NOTE, healed_days
from include.s3logs.errors import AccessDeniedError, ArchivedObjectError, UnreadableObjectError
from include.s3logs.stores.folder import LocalStore
from tests.support.reduce_world import World, line

FIRST = date(2024, 6, 1)


class Guarded(LocalStore):
    """A source that does not give what is in `trouble`: {end of a key: the error}."""

    def __init__(self, folder):
        super().__init__(folder)
        self.trouble, self.asked = {}, []

    def _check(self, key):
        for end, error in self.trouble.items():
            if key.endswith(end):
                raise error(f"{self.uri(key)} is not given.")

    def read_pieces(self, key, size, etag=None):
        self._check(key)
        return super().read_pieces(key, size, etag)

    def read_range(self, key, start, length):
        self.asked.append(key)
        self._check(key)
        return super().read_range(key, start, length)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.stores["reef"] = Guarded(tmp_path / "reef")
    return world


def partial(world, day=FIRST, error=AccessDeniedError):
    """A day with three log objects, one of which could not be read."""
    for n, unique in enumerate("ABC"):
        world.deliver(line(sent=n), f"logs/{day}-11-00-00-{unique}")
    world.stores["reef"].trouble = {"-C": error}
    return world.reduce(day=day, on_unreadable="skip").checkpoint


def ask(world, *days, today=date(2024, 6, 5), settling_days=10, **options):
    return healed_days(world.lake, world.stores, days or (FIRST,), today, settling_days, **options)


@pytest.mark.parametrize("error", [AccessDeniedError, ArchivedObjectError])
def test_a_day_is_healed_when_its_log_object_answers(world, error):
    partial(world, error=error)
    assert ask(world) == []
    world.stores["reef"].trouble = {}
    assert ask(world, today=date(2024, 6, 6)) == [FIRST]
    again = world.reduce(on_unreadable="skip")
    assert not again.reused
    assert (again.checkpoint.counts["unreadable_objects"], again.checkpoint.counts["lines"]) == (0, 3)


def test_a_day_that_is_run_while_nothing_answers_is_reused(world):
    partial(world)
    assert world.reduce(on_unreadable="skip").reused


def test_the_list_says_why_an_object_was_not_read(world):
    checkpoint = partial(world)
    assert [row["unreadable"] for row in world.objects(checkpoint)] == ["", "", "denied"]


def test_only_what_could_not_be_read_is_asked_for_and_one_byte_of_it(world):
    partial(world)
    ask(world)
    assert world.stores["reef"].asked == [f"logs/{FIRST}-11-00-00-C"]


def test_the_wait_doubles_from_one_day_to_thirty_two(world):
    partial(world)
    asked_on, today = [], date(2024, 6, 5)
    for _ in range(130):
        before = len(world.stores["reef"].asked)
        ask(world, today=today)
        if len(world.stores["reef"].asked) > before:
            asked_on.append((today - date(2024, 6, 5)).days)
        today += timedelta(days=1)
    assert asked_on == [0, 1, 3, 7, 15, 31, 63, 95, 127]


def test_at_most_so_many_days_are_asked_those_that_wait_the_longest_first(world):
    days = [FIRST + timedelta(days=n) for n in range(5)]
    for day in days:
        partial(world, day)

    def asked(today):
        world.stores["reef"].asked.clear()
        ask(world, *days, today=today, most=2)
        return [int(key[len("logs/2024-06-") :][:2]) for key in world.stores["reef"].asked]

    assert asked(date(2024, 6, 7)) == [1, 2]
    assert asked(date(2024, 6, 8)) == [3, 4]
    assert asked(date(2024, 6, 9)) == [5, 1]


def test_what_is_gone_is_final_after_the_settling_window(world):
    for unique in "AB":
        world.deliver(line(), f"logs/{FIRST}-11-00-00-{unique}")
    listing = world.listing()
    world.remove(f"logs/{FIRST}-11-00-00-B")
    world.reduce(listing=listing, on_unreadable="skip")
    ask(world, today=date(2024, 6, 11))
    assert json.loads(world.lake.read(NOTE))[str(FIRST)] == [1, "2024-06-12"]
    ask(world, today=date(2024, 6, 12))
    assert json.loads(world.lake.read(NOTE))[str(FIRST)] == [2, None]


def test_days_that_are_whole_again_are_forgotten(world):
    second = FIRST + timedelta(days=1)
    partial(world)
    partial(world, second)
    ask(world, FIRST, second)
    ask(world, second)
    assert json.loads(world.lake.read(NOTE)).keys() == {str(second)}


def test_without_partial_days_nothing_is_read_or_written(world):
    assert healed_days(None, {}, [], date(2024, 6, 5), 10) == []


def test_who_only_looks_writes_nothing(world):
    partial(world)
    ask(world, writes=False)
    assert world.lake.find(NOTE) is None


@pytest.mark.parametrize("note", [b"{", b"[1]", b'{"2024-06-01": 7}', b'{"2024-06-01": ["x", 1]}'])
def test_a_note_that_is_none_is_made_anew(world, note):
    partial(world)
    world.lake.write(NOTE, note)
    ask(world)
    assert json.loads(world.lake.read(NOTE)) == {str(FIRST): [1, "2024-06-06"]}


def test_what_was_read_before_is_not_skipped_when_another_comes_back(world):
    partial(world)
    world.stores["reef"].trouble = {"-A": AccessDeniedError}
    with pytest.raises(UnreadableObjectError, match="The earlier result has its 1 lines and stays"):
        world.reduce(on_unreadable="skip")
    forced = world.reduce(on_unreadable="skip", force=True).checkpoint
    assert [row["unreadable"] for row in world.objects(forced)] == ["denied", "", ""]


def test_a_source_that_gives_nothing_is_no_day_without_objects(world):
    world.stores["kelp"] = LocalStore(world.lake.root.parent / "kelp")
    world.deliver(line(), source="kelp")
    world.deliver(line())
    world.stores["reef"].trouble = {"": AccessDeniedError}
    with pytest.raises(UnreadableObjectError, match="None of the 1 log objects of 2024-06-01 in reef"):
        world.reduce(on_unreadable="skip")


def test_an_older_list_does_not_say_which_so_all_without_lines_are_asked_for(world):
    from include.s3logs.stages.never_less import Before
    from include.s3logs.stages.object_list import from_tsv

    checkpoint = partial(world)
    table = world.lake.read(checkpoint.files["objects"].key).decode()
    older = "\n".join(row.rpartition("\t")[0] for row in table.split("\n"))
    before = Before(checkpoint.counts, from_tsv(older.encode()), checkpoint)
    assert [row.log_object.key[-1] for row in before.unreadable()] == ["C"]
