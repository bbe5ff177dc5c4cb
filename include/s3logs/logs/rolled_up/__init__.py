"""Roll-ups as they are found: what one holds, whether that is true, and log objects back out of it.

| module | answers |
|---|---|
| `levels.py`, `origins.py` | names of intervals and their files; where log objects come from |
| `manifest.py`, `state.py` | what a roll-up holds; which manifest makes sense and tells the truth |
| `codecs.py`, `verification.py` | how roll-ups are packed; is one what its manifest promises? |
| `undescribed.py` | is a file without manifest a roll-up? |
| `members.py`, `extraction.py` | which log objects are in roll-ups; their content |

`rollup/` makes them.
"""
