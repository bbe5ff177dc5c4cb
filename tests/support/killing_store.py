"""A store that dies: before its n-th side effect nothing happens any more, as when a worker is killed."""


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
