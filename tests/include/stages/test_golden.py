"""What every stage makes of the golden inputs is what the fixtures say, to the letter."""

import pytest

from tests.support.golden import cases, difference, results


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_stage_makes_of_its_input_what_is_expected(case, tmp_path):
    found, expected = results(case, tmp_path), case.expected()
    assert found == expected, f"{case}\n{difference(expected, found)}"
