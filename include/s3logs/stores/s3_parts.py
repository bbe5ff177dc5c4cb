"""Put a large local file into S3 in parts (multipart upload), some at a time."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_PARALLEL = 4
_PART = 16 << 20
_MOST_PARTS = 10_000


def put_in_parts(client: Any, bucket: str, key: str, path: Path, condition: Mapping[str, str]) -> None:
    """Upload the file; it becomes the object when all parts are there and the condition holds.

    Takes the memory of `_PARALLEL` parts. Raises what the client raises; no part stays behind then, unless
    that may not be removed.
    """
    size = path.stat().st_size
    length = max(_PART, -(-size // _MOST_PARTS))
    request = {"Bucket": bucket, "Key": key}
    request["UploadId"] = client.create_multipart_upload(**request)["UploadId"]

    def put(number: int) -> dict[str, Any]:
        with path.open("rb") as file:
            file.seek((number - 1) * length)
            part = client.upload_part(**request, PartNumber=number, Body=file.read(length))
        return {"PartNumber": number, "ETag": part["ETag"]}

    try:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            parts = list(pool.map(put, range(1, -(-size // length) + 1)))
        client.complete_multipart_upload(**request, MultipartUpload={"Parts": parts}, **condition)
    except BaseException as error:
        try:
            client.abort_multipart_upload(**request)
        except (ClientError, BotoCoreError) as problem:  # what went wrong first is what matters
            error.add_note(f"Its parts could not be removed, and may still be there: {problem}")
        raise
