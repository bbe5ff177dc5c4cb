"""The bytes of log objects → records and rejections, every line exactly one of them.

| module | answers |
|---|---|
| `strict.py` | one line → one record, or the reason why not: the specification |
| `kernel/` | the same judgement over many lines at once, compiled |
| `parse.py` | the two together: everything of a log object (`parse`, `parse_pieces`), or what reduce wants |
| `selection.py`, `record_tables.py` | what reduce wants; records and rejections as tables |
| `joined.py` | several objects in one buffer, and whose the lines in it are |
| `lines.py`, `columns.py`, `whole_lines.py` | where fields are; Arrow columns; pieces cut at line ends |
| `repeats.py`, `late_repeats.py` | lines that were there before, among any number of them |
| `limits.py` | how much is parsed at once |
"""

from include.s3logs.parsing.parse import parse, parse_pieces

__all__ = ["parse", "parse_pieces"]
