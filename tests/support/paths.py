"""Where things are in the project."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FIXTURES = PROJECT / "tests/fixtures"
EXAMPLES = FIXTURES / "examples"
FIELD = FIXTURES / "field"
