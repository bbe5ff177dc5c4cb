"""Regions for tests: countries and bogons, no clouds, no network, and a salt that everybody may know."""

from datetime import date
from functools import cache
from hashlib import sha256
from typing import ClassVar

from include.s3logs.deployment import Deployment
from include.s3logs.regions import Regions, RegionSource
from include.s3logs.regions.bogons import bogons
from include.s3logs.regions.cache import RegionCache
from include.s3logs.regions.networks import NetworkTable
from include.s3logs.regions.salt import salt_named_in
from include.s3logs.stores.folder import LocalStore

SALT = b"the salt of the tests"


@cache
def _table():
    return NetworkTable([bogons()])


class _Labelled(Regions):
    """Regions that call some addresses what a test wants."""

    labels: ClassVar = {}

    def look_up(self, addresses):
        found = super().look_up(addresses)
        return [self.labels.get(ip, region) for ip, region in zip(addresses, found, strict=True)]


def offline_regions(lake=None, salt=SALT, labels=None):
    """Return regions that know what ships with packages; the cache is that of the lake, or none.

    `labels` ({address: region}) come first and, like what the service says, are not part of the version.
    """
    cache = lake or LocalStore("/nowhere")
    kind = type("Labelled", (_Labelled,), {"labels": labels}) if labels else Regions
    return RegionSource(
        f"offline, salt {sha256(salt).hexdigest()[:8]}",
        lambda: kind(_table(), salt, RegionCache(cache), today=date(2024, 6, 30)),
    )


def deploy_offline(monkeypatch):
    """Let every deployment have these regions, and their salt."""
    monkeypatch.setattr(Deployment, "regions", lambda self: offline_regions(self.lake))
    monkeypatch.setattr(Deployment, "salt_name", lambda _: salt_named_in(offline_regions().version))
