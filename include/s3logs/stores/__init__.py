"""Where objects live: a flat map from key to bytes, in a folder or in a bucket.

| module | answers |
|---|---|
| `store.py` | what every store can do: the protocol `Store` |
| `folder.py`, `local_files.py` | a folder as a store; its files, and what the system says of them |
| `modes.py` | who may read files and folders |
| `user_cache.py` | where on this machine may be kept what can be made anew? |
| `abandoned.py` | temporary files in folders, and those that killed writers left |
| `s3.py` | a bucket as a store |
| `s3_bucket.py` | its addresses and listings |
| `s3_errors.py` | what went wrong with S3, and can trying again help? |
| `s3_listing.py`, `s3_reader.py`, `s3_parts.py` | listing and reading fast; putting what is large |
| `s3_versions.py` | deleting and tagging just what was read |
"""
