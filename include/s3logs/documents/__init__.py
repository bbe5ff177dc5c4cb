"""The pages of the documentation that are made from the code, and the parts of pages: `make docs`.

| module | makes |
|---|---|
| `pages.py` | all of them |
| `settings.py` | `docs/settings.md` |
| `published.py` | of `docs/formats.md` the published files |
| `stages.py`, `kept.py` | of the same page what the stages leave, and what else is kept |
| `targets.py` | of `CONTRIBUTING.md` the make targets |
| `markdown.py` | tables, and parts between their marks |
"""
