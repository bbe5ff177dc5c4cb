"""The stages of one log day: reduce → bin → map, each reused while what decides its result is the same.

| module | answers |
|---|---|
| `work.py` | what a stage is given: one log day, and what it may need |
| `reduce.py` | log objects → one row for each counted request, and the quarantine |
| `together.py` | small log objects, until they are worth a pass of the parser |
| `accounts.py` | what each log object of a day gave |
| `rejections.py` | how many lines of a day may be without a valid reading |
| `operations.py` | which operations are there, where one that is to count is not |
| `object_list.py` | which log objects a day was made of, and what each gave |
| `never_less.py` | may another result replace that of a finished day? |
| `older_rules.py` | what becomes of a result that a newer version cannot compute again? |
| `second_chance.py` | do log objects answer that could not be read? |
| `binning.py` | rows sorted by object key, and the totals of each key |
| `mapping.py` | rows with dataset, asset and region, and the totals by each; no address goes on from here |
| `requesters.py` | each different address of a day, and what stands in its place |
| `retention.py` | a finished day without its addresses |
| `limits.py` | how much of a day is worked on at once |
"""
