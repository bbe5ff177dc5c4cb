"""Making roll-ups: many small log objects become few, are verified, and only then the originals may go.

| module | answers |
|---|---|
| `planning.py`, `options.py` | which intervals have work, and what shall be done |
| `interval.py`, `result.py` | the steps for one interval, and what was done |
| `merging.py` | from log objects to a packed file |
| `comparison.py` | are the originals what the roll-up holds? |
| `removal.py` | how originals go |

`logs/rolled_up/` reads them.
"""
