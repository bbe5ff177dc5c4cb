"""What the lake promises: a finished stage stays finished, whatever dies, and readers see only finished work.

| module | answers |
|---|---|
| `checkpoint.py` | the proof that one stage of one log day is done, and the protocol that makes it one |
| `open_days.py` | which log days have unfinished work |
| `local_copies.py`, `stored_file.py` | outputs as verified local files; parts of a file |
"""
