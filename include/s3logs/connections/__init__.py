"""The outside world's clients, each bounded in time and size, none with a secret in what it says.

| module | answers |
|---|---|
| `s3.py` | a boto3 client from AWS's standard environment; its libraries log nothing secret |
| `http.py` | one HTTP request: how long, how large, how often, where to; nothing else of ours opens one |
| `answers.py` | what an answer's status and `Retry-After` mean |
| `certificates.py` | whose certificates are trusted |
| `within.py` | how long something is waited for at most |
| `ipinfo.py` | what the IP service says of addresses, by its official client |
| `mmdb_file.py` | what a database file of the same provider says of them |
"""
