"""What the lake promises: a finished stage stays finished, whatever dies, and readers see only finished work.

| module | answers |
|---|---|
| `pointer.py` | files under new names and one JSON, written last, that names them: what all is kept by |
| `stages.py` | what the stages of a log day are: the one place that says so |
| `checkpoint.py` | the proof that one stage of one log day is done, and how a stage is run |
| `open_days.py` | which log days have unfinished work |
| `retained.py` | which log days hold addresses, and which do no more |
| `local_copies.py`, `stored_file.py` | outputs as verified local files; parts of a file |
"""
