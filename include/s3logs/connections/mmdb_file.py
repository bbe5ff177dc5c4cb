"""A database file of ipinfo. What it raises names the setting and never holds an address."""

from ipaddress import IPv4Address, IPv6Address

import maxminddb

from include.s3logs.errors import SettingsError

_IPV6 = 6
_OTHERS = ("geolite", "geoip", "dbip")  # databases of other providers, by how their types begin


class MmdbFile:
    """`include.s3logs.regions.service.AddressFile` by the file at a path; SettingsError if it is no MMDB."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._reader = maxminddb.open_database(path)
            metadata = self._reader.metadata()
        except (OSError, ValueError, TypeError, maxminddb.InvalidDatabaseError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise SettingsError(f"S3LOGS_IPINFO_MMDB={path!r} is no readable MMDB file: {why}") from error
        if metadata.database_type.lower().startswith(_OTHERS):
            raise SettingsError(
                f"S3LOGS_IPINFO_MMDB={path!r} is a {metadata.database_type} database, whose records have "
                "other names; only those of ipinfo are read."
            )
        self._has_ipv6 = metadata.ip_version == _IPV6
        self.version = str(metadata.build_epoch)
        """When the file was made, in seconds since 1970."""

    def get(self, address: IPv4Address | IPv6Address) -> object:
        """Return the record of the address, or None; SettingsError where the file is damaged."""
        if address.version == _IPV6 and not self._has_ipv6:
            return None
        try:
            return self._reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):  # their texts name the address
            raise SettingsError(f"S3LOGS_IPINFO_MMDB={self._path!r} is a damaged MMDB file.") from None
