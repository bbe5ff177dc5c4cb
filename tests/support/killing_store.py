"""Stores to which something happens: they die before a side effect, or somebody else comes in between."""


class Killed(BaseException):
    """The process is gone: nothing may catch this."""


class Effects:
    """Counts the side effects of all stores that share it, and dies before number `fatal`."""

    def __init__(self, fatal=None):
        self.fatal, self.done = fatal, 0

    def happen(self):
        if self.done == self.fatal:
            raise Killed
        self.done += 1


class KillingStore:
    """A store whose writes and removals are counted, each object of a batch for itself."""

    def __init__(self, store, effects):
        self.store, self.effects = store, effects

    def __getattr__(self, name):
        return getattr(self.store, name)

    def write(self, *args, **kwargs):
        self.effects.happen()
        self.store.write(*args, **kwargs)

    def write_many(self, files):
        for key, data in files.items():
            self.write(key, data)

    def write_file(self, *args, **kwargs):
        self.effects.happen()
        self.store.write_file(*args, **kwargs)

    def delete(self, keys):
        for key in keys:
            self.effects.happen()
            self.store.delete([key])

    def delete_versions(self, versions):
        refused = {}
        for version in versions:
            self.effects.happen()
            refused |= self.store.delete_versions([version])
        return refused

    def tag_versions(self, versions, name, value):
        refused = {}
        for version in versions:
            self.effects.happen()
            refused |= self.store.tag_versions([version], name, value)
        return refused


_STEPS = {"list", "find", "read", "write", "write_file", "delete", "delete_versions"}


class Steps:
    """Counts every call of the stores that share it, reads too, and lets `meddle` happen before call `at`."""

    def __init__(self, at, meddle):
        self.at, self.meddle, self.done = at, meddle, 0

    def step(self):
        self.done += 1
        if self.done == self.at:
            self.meddle()


class MeddledStore:
    """A store with which others do something while it is used."""

    def __init__(self, store, steps):
        self.store, self.steps = store, steps

    def __getattr__(self, name):
        method = getattr(self.store, name)
        if name not in _STEPS:
            return method

        def called(*args, **kwargs):
            self.steps.step()
            answer = method(*args, **kwargs)
            return list(answer) if name == "list" else answer

        return called
