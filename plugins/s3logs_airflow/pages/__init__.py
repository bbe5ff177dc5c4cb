"""What the web UI shows of the lake.

| module | answers |
|---|---|
| `links.py` | buttons on tasks, which lead to the pages |
| `lake.py` | the pages: checkpoints, quarantine, the state of the log days |
| `guard.py` | the headers of all their answers |
"""
