"""Reading the lists of a paginated JSON API, page after page."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from include.s3logs.connections.http import HttpClient, Limits, is_address
from include.s3logs.errors import (
    CatalogUnavailableError,
    NotFoundError,
    RequestRefusedError,
    ServerUnavailableError,
)
from include.s3logs.secrets import shown

PARALLEL_REQUESTS = 8
LIMITS = Limits(read=60, connections=PARALLEL_REQUESTS, pauses=(1, 2, 4, 8, 16))
_SHOWN = 200


class ShiftedListError(CatalogUnavailableError):
    """A page that the page before announced is not there: the list changed while it was read."""


class RestApi:
    """An API below one address; safe to use by several threads."""

    def __init__(self, address: str, limits: Limits = LIMITS) -> None:
        """Take the base address, without a final `/`."""
        self.address = address
        self._http = HttpClient(limits, {"Accept": "application/json"})

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def pages(self, path: str, **query: str | int) -> Iterator[Mapping[str, Any]]:
        """Yield the pages `{"count", "next", "results": [{…}, …]}` of a list, from the first to the last.

        Raises AccessDeniedError (401, 403), NotFoundError (404), ShiftedListError (a later page is gone) and
        CatalogUnavailableError (everything else that does not heal in about half a minute); all name the
        address.
        """
        address, seen = f"{self.address}/{path}?{urlencode(query)}", set[str]()
        while address:
            number = len(seen) + 1
            if address in seen:
                raise CatalogUnavailableError(f"{shown(address)} comes again as its own next page {number}.")
            try:
                page = self._http.fetch(address, _page)
            except (RequestRefusedError, ServerUnavailableError) as error:
                raise CatalogUnavailableError(f"{error} It is page {number} of a list.") from None
            except NotFoundError as error:
                if seen:
                    raise ShiftedListError(f"{error} It is page {number} of a list.") from None
                raise
            seen.add(address)
            yield page
            address = self._on_this_server(page["next"], address) if page.get("next") else ""

    def _on_this_server(self, following: str, address: str) -> str:
        """Return the page that follows `address`, with our server's name.

        Behind a proxy servers do not always know their own. What is no address at all is a bad answer.
        """
        base = urlsplit(self.address)
        try:
            found = urlsplit(following)._replace(scheme=base.scheme, netloc=base.netloc).geturl()
        except ValueError:
            found = ""
        if not is_address(found):
            raise CatalogUnavailableError(
                f"{shown(address)} names a next page that is no address: {shown(following)[:_SHOWN]!r}."
            )
        return found


def _page(content: bytes) -> Mapping[str, Any]:
    """Return what is in the answer if it is a page of a list; ValueError if not."""
    try:
        page = json.loads(content)
    except (ValueError, RecursionError):  # the latter when brackets are nested without end
        page = None
    if isinstance(page, dict) and isinstance(page.get("next"), str | None):
        results = page.get("results")
        if isinstance(results, list) and all(isinstance(result, dict) for result in results):
            return page
    raise ValueError("the answer is no page of a list")
