"""Stages as a later release would have them."""

import dataclasses

from include.s3logs.lake import stages

_MODULES = ("reduce", "never_less", "binning", "mapping")


def raise_version(monkeypatch, name, **changes):
    """Give a stage its next version, in the tuple and wherever it is named; return it."""
    old = stages.by_name(name)
    new = dataclasses.replace(old, version=old.version + 1, **changes)
    changed = tuple(new if stage.name == name else stage for stage in stages.STAGES)
    monkeypatch.setattr(stages, "STAGES", changed)
    for module in _MODULES:
        monkeypatch.setattr(f"include.s3logs.stages.{module}.{name.upper()}", new, raising=False)
    return new
