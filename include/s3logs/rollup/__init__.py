"""Roll-ups: many small log objects become few, are verified, and only then the originals may go.

| module | what it knows |
|---|---|
| `levels.py`, `origins.py` | names of intervals and their files; where log objects come from |
| `manifest.py`, `state.py` | what a roll-up holds; which manifest tells the truth after a crash |
| `planning.py`, `options.py` | which intervals have work, and what shall be done |
| `rollup.py`, `result.py` | the steps for one interval, and what was done |
| `merging.py`, `codecs.py` | from log objects to a packed file |
| `verification.py`, `removal.py` | what has to be proven before originals go, and how they go |
| `members.py`, `extraction.py` | the way back: log objects out of roll-ups |
"""
