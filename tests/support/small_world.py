"""A lake, a source and a catalog in folders, with settings that name them: what `pipeline.run` takes."""

from include.s3logs.settings import Settings
from include.s3logs.stores.folder import LocalStore

CATALOG = "object_key,dataset,version,asset_path\nreef.txt,reef,1,reef.txt\nkelp.txt,kelp,1,kelp.txt\n"


class SmallWorld:
    """Deliver log objects, then run with `settings`."""

    def __init__(self, folder, **settings):
        self.folder = folder
        self.lake, self.source = LocalStore(folder / "lake"), LocalStore(folder / "source")
        self.source.root.mkdir(parents=True)
        (folder / "catalog.csv").write_text(CATALOG)
        exact = {"mask_below": 0, "round_to": 1}
        self.settings = Settings(
            _env_file=None,
            sources=(str(self.source.root),),
            lake=str(self.lake.root),
            catalog=str(folder / "catalog.csv"),
            **(exact | settings),
        )

    def deliver(self, day, *lines, name="A"):
        """Put one log object of the day into the source."""
        self.source.write(f"{day}-11-00-00-{name}", b"".join(lines))

    def files(self, *prefixes):
        """{key: content} of the lake, or of some of its folders."""
        found = (info.key for prefix in prefixes or ("",) for info in self.lake.list(prefix))
        return {key: self.lake.read(key) for key in found}
