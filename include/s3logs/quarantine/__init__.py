"""Lines and log objects without a valid reading: kept as they were, and made shareable.

| module | answers |
|---|---|
| `file.py` | the quarantine of a log day while it grows |
| `export.py` | all quarantined lines, with invented values, for a bug report |
| `anonymise.py`, `format_words.py` | a line with invented values; the words that are the format's own |
"""
