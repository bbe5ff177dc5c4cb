"""Is all of the lake what was written, and what mends it where it is not?

| module | answers |
|---|---|
| `places.py` | which pointers there are, which there should be, and what each names |
| `check.py` | does all of it have the content and the columns it had when it was written? |
| `findings.py` | what is wrong, and how much was looked at |
| `remedies.py` | what mends each, and what cannot be mended |
| `repair.py` | mending it: never with less than before |
| `run.py` | the whole of it: look, mend if that is asked for, look again |
| `report.py` | all that in lines for people |
"""
