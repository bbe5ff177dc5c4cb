"""Read listings fast, and only those: boto3 takes a multiple of the server's time to make sense of answers.

Just before boto3 would parse an answer, its entries are taken out of it and parsed here; errors, the token of
the next page and the decoding of keys stay boto3's. An answer that looks different is left to it as a whole.

boto3 takes any XML for a listing, of nothing, and reads on only where it is told to in just the right words.
So what a proxy or another service answers would pass for an empty bucket or a short one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.etree import ElementTree as ET

_EVENT = "before-parse.s3.ListObjectsV2"
_OK = 200
_IS_LISTING = "IsListing"  # beside what boto3 makes of an answer


def list_fast(client: Any) -> None:
    """Let a boto3 client parse listings this way; of each entry they give what `ObjectInfo` is made of."""
    client.meta.events.register(_EVENT, _take_entries, unique_id=__name__)


def _take_entries(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Move the entries of an answer from its XML to the parsed answer."""
    if response_dict["status_code"] != _OK:
        return
    customized_response_dict[_IS_LISTING] = False
    try:
        answer = ET.fromstring(response_dict["body"])  # noqa: S314 (as boto3 does)
        space = answer.tag.removesuffix("ListBucketResult")
        truncated = answer.findtext(f"{space}IsTruncated", "false")
        customized_response_dict[_IS_LISTING] = space != answer.tag and truncated in {"true", "false"}
        name = f"{space}Contents"
        entries = [_entry(found) for found in answer.iterfind(name)]
    except (ET.ParseError, KeyError, TypeError, ValueError):
        return
    answer[:] = [found for found in answer if found.tag != name]
    response_dict["body"] = ET.tostring(answer)
    customized_response_dict["Contents"] = entries


def _entry(element: ET.Element) -> dict[str, Any]:
    texts = {child.tag.rpartition("}")[2]: child.text for child in element}
    return {
        "Key": texts["Key"] or "",
        "Size": int(texts["Size"] or ""),
        "ETag": texts["ETag"] or "",
        "LastModified": datetime.fromisoformat(texts["LastModified"] or ""),
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
