import pytest

from include.s3logs.privacy import Masking


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "<50"), (49, "<50"), (50, 40), (55, 60), (123, 120), (130, 120), (150, 160)]
)
def test_counts_as_earlier_archives_publish_them(count, shown):
    assert Masking(50, 20).show(count) == shown


def test_both_can_be_switched_off():
    assert [Masking(0, 1).show(n) for n in (0, 1, 49, 51)] == [0, 1, 49, 51]
