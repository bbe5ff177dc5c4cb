"""Which bucket logs where, and is it right? Asked of S3 itself; the clients are handed in.

| module | answers |
|---|---|
| `ask.py`, `answers.py`, `facts.py` | the questions to S3; one answer; what it says, as far as it says it |
| `findings.py` | what is wrong with a bucket's logging |
| `policies.py`, `targets.py`, `invisible.py` | may S3 deliver? is a target fit? what does nobody see? |
| `encryption.py`, `lifecycles.py` | may S3 use a target's key? how long do log objects stay? |
| `table.py`, `report.py` | the audit for a terminal; in the lake |
| `wishes.py`, `switch_on.py` | what somebody asks for; switching logging on |
"""
