"""Words of the settings that match nothing in what a run did are its last words."""

import pytest

from include.s3logs.catalogs.claims import EmptyCatalog
from include.s3logs.catalogs.prefix import PrefixCatalog
from include.s3logs.days.states import states
from include.s3logs.days.unmatched import unmatched
from include.s3logs.lake.checkpoint import load_checkpoint
from include.s3logs.pipeline import run
from include.s3logs.stages.limits import Limits
from include.s3logs.stages.operations import look_for, of_counts
from tests.support.small_archive import FIRST, SECOND, THIRD, line
from tests.support.small_world import SmallWorld

GET, HEAD, WEBSITE = "REST.GET.OBJECT", "REST.HEAD.OBJECT", "WEBSITE.GET.OBJECT"


@pytest.fixture
def world(tmp_path):
    return SmallWorld(tmp_path)


def of(operation, **values):
    return line(**values).replace(GET.encode(), operation.encode())


def warnings(world, days=None, **settings):
    return run(world.settings.model_copy(update=settings), days=days).judgement.warnings


def counted(world, day=FIRST):
    return of_counts(load_checkpoint(world.lake, "reduced", day).counts)


def no_record_has(named, *there, one="this operation"):
    others = f"; those that were there: {', '.join(there)}" if there else ""
    return f"No record has {one} (S3LOGS_OPERATIONS={named}){others}."


class TestOperations:
    def test_those_that_are_there_are_told_most_frequent_first(self, world):
        world.deliver(FIRST, *(of(HEAD, time=f"10:00:0{n}") for n in range(3)), of("REST.PUT.OBJECT"))
        world.deliver(FIRST, of(HEAD, time="11:00:00"), name="B")
        assert warnings(world, [FIRST]) == [no_record_has(GET, HEAD, "REST.PUT.OBJECT")]
        assert counted(world) == {GET: 0, HEAD: 4, "REST.PUT.OBJECT": 1}

    def test_a_day_that_is_reused_says_so_again(self, world):
        world.deliver(FIRST, of(HEAD))
        assert warnings(world, [FIRST]) == warnings(world, [FIRST]) == [no_record_has(GET, HEAD)]

    def test_one_that_is_there_and_counts_nowhere_is_no_word_that_matches_nothing(self, world):
        world.deliver(FIRST, line(status=404), of(HEAD))
        world.deliver(SECOND, line(day=SECOND, ip="192.0.2.99"))
        assert warnings(world, excluded_ips=("192.0.2.99",)) == []
        assert counted(world) == {GET: 1, HEAD: 1}

    def test_nothing_is_looked_for_where_requests_count_or_nothing_is(self, world):
        world.deliver(FIRST, line(), of(HEAD))
        world.deliver(SECOND, b"")
        assert warnings(world, [FIRST, SECOND, THIRD]) == []
        assert counted(world) == counted(world, SECOND) == counted(world, THIRD) == {}

    def test_of_several_only_those_without_any_record_in_any_day(self, world):
        world.deliver(FIRST, line(), of(HEAD))
        world.deliver(SECOND, of(WEBSITE, day=SECOND))
        several = {"operations": (GET, HEAD, WEBSITE, "REST.COPY.OBJECT_GET")}
        assert warnings(world, **several) == [no_record_has("REST.COPY.OBJECT_GET", GET, HEAD, WEBSITE)]
        assert warnings(world, [FIRST], **several) == [
            no_record_has(f"{WEBSITE},REST.COPY.OBJECT_GET", GET, HEAD, one="one of these operations")
        ]
        assert warnings(world, **{"operations": (GET, HEAD, WEBSITE)}, days=[FIRST, SECOND]) == []

    def test_days_that_failed_say_nothing(self, world):
        world.deliver(FIRST, of(HEAD))
        world.deliver(SECOND, of(HEAD, day=SECOND), b"this is no record\n")
        assert len(warnings(world, [FIRST])) == 1
        assert not any("No record has" in told for told in warnings(world, [SECOND]))

    def test_what_is_packed_cut_or_gone_is_looked_at_as_far_as_it_can_be(self, world):
        import gzip

        from include.s3logs.logs.sources import find_log_objects

        world.source.write(f"{FIRST}-11-00-00-A", gzip.compress(of(HEAD)))
        world.source.write(f"{FIRST}-11-00-00-B", b"\x1f\x8bno gzip")
        world.source.write(f"{FIRST}-11-00-00-C", of(WEBSITE).rstrip(b"\n"))
        world.source.write(f"{FIRST}-11-00-00-D", of(HEAD))
        stores = {"source": world.source}
        listing = find_log_objects(stores, FIRST, FIRST)
        world.source.delete([f"{FIRST}-11-00-00-D"])
        found = look_for({GET}, stores, listing.of(FIRST), listing, Limits())
        assert of_counts(found) == {GET: 0, HEAD: 1, WEBSITE: 1}

    def test_no_more_is_looked_at_than_the_limits_say(self, world):
        from include.s3logs.logs.sources import find_log_objects

        for n in range(10):
            world.source.write(f"{FIRST}-11-00-{n:02}-A", of(HEAD, time=f"10:00:{n:02}"))
        stores = {"source": world.source}
        listing = find_log_objects(stores, FIRST, FIRST)

        def looked_at(**limits):
            found = look_for({GET}, stores, listing.of(FIRST), listing, Limits(**limits))
            return of_counts(found)[HEAD]

        assert looked_at() == 10
        assert looked_at(looked_at_lines=3) == 3
        assert looked_at(looked_at_objects=5) == 4  # every third

    def test_records_without_an_operation_are_passed_over(self, world):
        world.deliver(FIRST, of("-"), of("REST.ODD-ONE"))
        assert warnings(world, [FIRST]) == [no_record_has(GET, "REST.ODD-ONE")]


class TestCatalog:
    def test_keys_that_a_catalog_has_are_told_when_none_was_asked_for(self, world):
        world.deliver(FIRST, line("s3/reef.txt"), line("s3/kelp.txt"), line("s3/kelp.txt", time="11:00:00"))
        world.deliver(SECOND, line("x", day=SECOND))
        told = "are in the catalog, which has keys like 'kelp.txt', 'reef.txt'."
        assert warnings(world, [FIRST]) == [f"0 of 2 keys of {FIRST} {told}"]
        assert warnings(world) == [f"0 of 2 keys of {FIRST}, and none of 1 other log days {told}"]

    def test_one_key_that_is_there_is_enough(self, world):
        world.deliver(FIRST, line("x"))
        world.deliver(SECOND, line(day=SECOND))
        assert warnings(world) == []
        assert len(warnings(world, [FIRST])) == 1

    def test_without_requests_a_catalog_is_not_even_opened(self, world):
        def refuse():
            raise AssertionError("the catalog was opened")

        world.deliver(FIRST, line(status=404))
        run(world.settings, days=[FIRST, SECOND])
        assert unmatched(states(world.lake), world.settings, refuse) == []

    def test_one_that_has_no_keys_says_nothing(self, world):
        world.deliver(FIRST, line("x"))
        assert warnings(world, catalog="") == []
        (world.folder / "catalog.csv").write_text("object_key,dataset,version,asset_path\n")
        assert warnings(world) == []
        assert EmptyCatalog().examples == ()

    def test_of_the_keys_themselves_their_form_is_told(self, world):
        assert PrefixCatalog(2).examples == ("<segment>/<segment>/<asset path>",)
        world.deliver(FIRST, line("reef.txt"))
        assert warnings(world, catalog="prefix:1") == [
            f"0 of 1 keys of {FIRST} are in the catalog, which has keys like '<segment>/<asset path>'."
        ]

    def test_no_secret_in_a_key_is_told(self, world):
        row = "a?X-Amz-Signature=abc123def,reef,1,a\n"
        (world.folder / "catalog.csv").write_text(f"object_key,dataset,version,asset_path\n{row}")
        world.deliver(FIRST, line("b?X-Amz-Signature=fed321cba"))
        (told,) = warnings(world)
        assert "'a?X-Amz-Signature=…" in told
        assert "abc123def" not in told
        assert "fed321cba" not in told

    def test_a_dataset_to_exclude_that_is_not_there_is_told_with_the_one_that_is_meant(self, world):
        world.deliver(FIRST, line())
        assert warnings(world, exclude_datasets=("kelp",)) == []
        assert warnings(world, exclude_datasets=("kelpp", "1")) == [
            "S3LOGS_EXCLUDE_DATASETS: the catalog has no dataset 1, kelpp (did you mean kelp?)."
        ]
