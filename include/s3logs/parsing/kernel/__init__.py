"""The compiled fast path of the parser: loops over the bytes of many lines, written for Numba.

| module | answers |
|---|---|
| `scan.py`, `fields.py` | where the fields of each line are; what a field may be |
| `repeats.py` | which lines are byte for byte the same as an earlier one |
| `rows.py` | lines chosen, and their fields copied into Arrow buffers |
| `layout.py`, `machine.py` | how a scanned line is laid out; what Numba has no words for |
| `build.py`, `compiled.py` | all that translated; kept, loaded, and given to whoever calls a kernel |
"""
