"""Which log days there are, what state each is in, and which have work to do.

| module | answers |
|---|---|
| `discover.py` | which log days are new, grown, late, stale or asked for? |
| `stale.py` | which finished ones, of all times, have other work than new log objects? |
| `states.py` | what state is each log day in? |
| `salts.py` | with which salt was a log day mapped, and can it be mapped again? |
| `judgement.py` | is what a run leaves good enough, and what should people know? |
| `unmatched.py` | which words of the settings match nothing in what a run did? |
| `healing.py` | which days had to do without log objects that may be read by now? |
| `retention.py` | which log days are older than addresses are kept? |
| `catalog_changes.py` | which finished log days does a changed catalog touch? |
"""
