"""The outside world's clients, each bounded in time and size, none with a secret in what it says.

| module | answers |
|---|---|
| `ipinfo.py` | what the IP service says of addresses, by its official client |
| `mmdb_file.py` | what a database file of the same provider says of them |
"""
