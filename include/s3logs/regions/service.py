"""Asking a service, or a file of the same provider, where an address is. Both are handed in."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import Protocol

from include.s3logs.errors import IpQuotaUsedUpError, IpServiceUnavailableError
from include.s3logs.regions.addresses import V4_BYTES, text_of
from include.s3logs.regions.labels import UNKNOWN, place_of

log = logging.getLogger(__name__)

_FAILURES = 3  # in a row; after these the service counts as down


class IpService(Protocol):
    """A service that is asked for several addresses at once."""

    batch_size: int
    """The most addresses of one call."""

    def details(self, addresses: Sequence[str]) -> Mapping[str, object]:
        """Return by address what the service says; those it gave no answer for are left out.

        Raises IpQuotaUsedUpError, or IpServiceUnavailableError when trying again may help, and
        AccessDeniedError when it refuses the token.
        """


class AddressFile(Protocol):
    """An open MMDB file."""

    def get(self, address: IPv4Address | IPv6Address) -> object:
        """Return the record of the address, or None."""


def places_in(file: AddressFile, packed: Sequence[bytes]) -> list[str | None]:
    """Return the label of each address (4 or 16 bytes) by the file, or None."""
    records = (file.get(IPv4Address(key) if len(key) == V4_BYTES else IPv6Address(key)) for key in packed)
    return [place_of(record) for record in records]


def ask(service: IpService, packed: Sequence[bytes]) -> Iterator[dict[bytes, str | None]]:
    """Yield for each batch of the addresses (4 or 16 bytes) the answers: a label, `unknown`, or None.

    Ends early when the quota is used up or the service seems to be down. What is left then is undetermined,
    as is what got no answer.
    """
    left = iter(dict.fromkeys(packed))
    failures = 0
    while batch := {text_of(key): key for key in islice(left, service.batch_size)}:
        try:
            details = service.details(list(batch))
        except IpQuotaUsedUpError as error:
            log.warning("The IP service is not asked any more: %s", error)
            yield dict.fromkeys(batch.values())
            return
        except IpServiceUnavailableError as error:
            failures += 1
            log.warning("The IP service gave no answer (%d of %d in a row): %s", failures, _FAILURES, error)
            yield dict.fromkeys(batch.values())
            if failures == _FAILURES:
                return
            continue
        failures = 0
        yield {key: _label(details.get(text)) for text, key in batch.items()}


def _label(answer: object) -> str | None:
    """Return None for what is no answer: every answer names the address it is about."""
    if not isinstance(answer, Mapping) or "ip" not in answer or "error" in answer:
        return None
    return place_of(answer) or UNKNOWN
