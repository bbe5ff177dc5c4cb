"""Where lines come from: log objects by their names, listed, read ahead, unpacked.

| module | answers |
|---|---|
| `names.py` | is this key a log object, and of which log day? |
| `sources.py` | which log objects are there, of some log days? |
| `walk.py` | which keys of a store are looked at for that, without years of other days? |
| `listings.py` | what a run found of them, carried to its tasks |
| `reading.py`, `decompress.py` | their content, a few ahead and in pieces; unpacked piece by piece |
| `at_hand.py` | small files that need not be read ahead |
| `second_look.py` | what of them went into a roll-up since they were listed |
| `limits.py` | how much of them is held at once |
| `rolled_up/` | log objects that are in a roll-up |
"""
