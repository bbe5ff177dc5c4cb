"""Read listings fast, and only those: boto3 takes a multiple of the server's time to make sense of answers.

Just before boto3 would parse an answer (and before it does so once more, to look for an error), its entries
are taken out of it and read here; errors, the token of the next page and the decoding of keys stay boto3's.
Entries of the usual form are read as text, all others by an XML parser. An answer that looks different is
left to boto3 as a whole.

boto3 takes any XML for a listing, of nothing, and reads on only where it is told to in just the right words.
So what a proxy or another service answers would pass for an empty bucket or a short one.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET

_EVENT = "before-parse.*.ListObjectsV2"  # so written, it comes before boto3's own handlers
_OK = 200
_IS_LISTING = "IsListing"  # beside what boto3 makes of an answer
_START = re.compile(rb'(?:<\?xml version="1\.0"(?: encoding="UTF-8")?\?>\s*)?<ListBucketResult[ >]')
_OTHERS = rb"(?:<(?!Key>|LastModified>|ETag>|Size>)[A-Za-z]+>[^<&\0-\x1f]*</[A-Za-z]+>)*"
_ETAG = rb"""(?:&quot;|&\#34;|")?([^<&"\0-\x1f]*)(?:&quot;|&\#34;|")?"""
_USUAL = re.compile(
    rb"<Contents>%(_)b<Key>([^<&\0-\x1f]*)</Key>%(_)b<LastModified>([0-9TZ:.+-]+)</LastModified>"
    rb"%(_)b<ETag>%(etag)b</ETag>%(_)b<Size>([0-9]+)</Size>%(_)b</Contents>" % {b"_": _OTHERS, b"etag": _ETAG}
)


def list_fast(client: Any) -> None:
    """Let a boto3 client parse listings this way; of each entry they give what `ObjectInfo` is made of."""
    client.meta.events.register(_EVENT, _take_entries, unique_id=__name__)


def _take_entries(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Move the entries of an answer from its XML to the parsed answer."""
    if response_dict["status_code"] != _OK:
        return
    customized_response_dict[_IS_LISTING] = False
    try:
        usual, body = _usual_entries(response_dict["body"])
        answer = ET.fromstring(body)  # noqa: S314 (as boto3 does)
        space = answer.tag.removesuffix("ListBucketResult")
        truncated = answer.findtext(f"{space}IsTruncated", "false")
        customized_response_dict[_IS_LISTING] = space != answer.tag and truncated in {"true", "false"}
        name = f"{space}Contents"
        entries = usual + [_entry(found) for found in answer.iterfind(name)]
    except (ET.ParseError, KeyError, TypeError, ValueError):
        return
    answer[:] = [found for found in answer if found.tag != name]
    response_dict["body"] = ET.tostring(answer)
    customized_response_dict["Contents"] = entries


def _usual_entries(body: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """Return the entries, and what is left of the answer; none, and all of it, if one has another form."""
    rest = _USUAL.sub(b"", body)
    if not _START.match(body) or b"<!" in body or b"Contents" in rest:  # a comment may hold anything
        return [], body
    try:
        entries = [
            _of_texts(key.decode(), size.decode(), etag.decode(), modified.decode())
            for key, modified, etag, size in _USUAL.findall(body)
        ]
    except ValueError:
        return [], body
    return entries, rest


def _entry(element: ET.Element) -> dict[str, Any]:
    texts = {child.tag.rpartition("}")[2]: child.text for child in element}
    return _of_texts(*(texts[name] or "" for name in ("Key", "Size", "ETag", "LastModified")))


def _of_texts(key: str, size: str, etag: str, modified: str) -> dict[str, Any]:
    return {
        "Key": key,
        "Size": int(size),
        "ETag": etag,
        "LastModified": datetime.fromisoformat(modified),
    }


def problem_of(page: Mapping[str, Any], prefix: str, start_after: str) -> str:
    """Return why an answer is not what was asked for, or nothing.

    `prefix` and `start_after` are those of the request; `KeyCount` is not in the answer of every server.
    """
    keys = [entry["Key"] for entry in page.get("Contents", [])]
    keys += [folder["Prefix"] for folder in page.get("CommonPrefixes", [])]
    count = len(keys)
    if not page.get(_IS_LISTING, True):
        return "it is no listing"
    if page.get("KeyCount", count) != count:
        return f"it counts {page['KeyCount']} keys and has {count}"
    truncated, goes_on = page.get("IsTruncated"), bool(page.get("NextContinuationToken"))
    if truncated is not False and bool(truncated) != goes_on:
        return "it does not say how to go on"
    folders = start_after.split("/")
    for key in keys:
        if not key.startswith(prefix):
            return f"{key!r} does not begin with {prefix!r}"
        if key <= start_after and key.split("/") <= folders:  # some servers sort by path segment
            return f"{key!r} does not come after {start_after!r}"
    return ""
