"""The secret key under which addresses are hashed; whoever has it can find the address behind each hash.

It comes from the environment variable IP_HASH_SALT or from a file outside the lake, which is generated once.
It is never logged, never in XCom and never in the lake.
"""

import hmac
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from include.s3logs.errors import SettingsError
from include.s3logs.settings import PROJECT

log = logging.getLogger(__name__)

VARIABLE = "IP_HASH_SALT"
DEFAULT_FILE = Path(".s3logs") / "ip_hash_salt"
HASH_BYTES = 16
"""Bytes of each hash: two of a billion addresses have the same with a chance of 10⁻²¹."""
_SHORTEST = 16  # characters; what is shorter can be guessed
_GENERATED_BYTES = 32
_NAME_BYTES = 4


def hash_address(salt: bytes, packed: bytes) -> bytes:
    """Return the keyed hash (HMAC-SHA-256, first 16 bytes) of an address of 4 or 16 bytes."""
    # As RFC 2104 defines it: `hmac.digest` takes three times as long, most of it to set up the key each time.
    inner, outer = _pads(salt)
    return sha256(outer + sha256(inner + packed).digest()).digest()[:HASH_BYTES]


@lru_cache(maxsize=4)
def _pads(salt: bytes) -> tuple[bytes, bytes]:
    block = sha256().block_size
    key = (salt if len(salt) <= block else sha256(salt).digest()).ljust(block, b"\0")
    return bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)


def name_of(salt: bytes) -> str:
    """Return what tells this salt from another, and nothing about it."""
    return hmac.digest(salt, b"the name of the salt", "sha256")[:_NAME_BYTES].hex()


def usual_folders() -> Sequence[Path]:
    """Return where the salt may be: in the project or, where that may not be written, in the home."""
    try:
        return PROJECT, Path.home()
    except RuntimeError:  # a user whom the system does not know has no home
        return (PROJECT,)


def load_salt(
    salt_file: str = "", lake: str = "", folders: Callable[[], Sequence[Path]] = usual_folders
) -> bytes:
    """Return the salt: of IP_HASH_SALT, else of the file, which is made if there is none.

    `salt_file` and `lake` are the settings of these names; without the first, the file is in one of the
    folders. Raises SettingsError, never with the salt.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        return _long_enough(given, VARIABLE)
    if "://" in salt_file:
        raise SettingsError(f"S3LOGS_SALT_FILE={salt_file!r} is no file of this machine; set {VARIABLE}.")
    if salt_file:
        return _read_or_make(_outside(Path(salt_file).expanduser().absolute(), lake))
    return _read_or_make(_outside(_default_place(folders()), lake))


def _default_place(folders: Sequence[Path]) -> Path:
    places = [folder / DEFAULT_FILE for folder in folders]
    try:
        found = next((place for place in places if place.is_file()), None)
        return found or next((place for place in places if _may_be_made(place)), places[-1])
    except OSError as error:  # a salt may be there: another one would give its requesters other hashes
        raise SettingsError(
            f"It cannot be found out whether there is a salt ({error}); set S3LOGS_SALT_FILE or {VARIABLE}."
        ) from error


def _outside(path: Path, lake: str) -> Path:
    folder = lake.removeprefix("file:")
    if folder and "://" not in folder:
        inside = Path(folder).expanduser().resolve()
        if path.resolve().is_relative_to(inside):
            raise SettingsError(
                f"The salt {path} would be inside the lake, beside what it protects; "
                "set S3LOGS_SALT_FILE to a file elsewhere."
            )
    return path


def _may_be_made(path: Path) -> bool:
    existing = next(folder for folder in path.parents if folder.exists())
    return os.access(existing, os.W_OK | os.X_OK)


def _read_or_make(path: Path) -> bytes:
    try:
        if not path.exists():
            _make(path)
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The salt {path} can be neither read nor made ({type(error).__name__}); "
            f"set S3LOGS_SALT_FILE or {VARIABLE}."
        ) from error
    return _long_enough(text, str(path))


def _make(path: Path) -> None:
    """Put a new salt under `path` as a whole, unless another process was faster: then its salt stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}-{secrets.token_hex(8)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{secrets.token_hex(_GENERATED_BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(temporary)
        log.warning("A new salt for the hashes of addresses was made: %s. Keep it, and keep it secret.", path)
    except FileExistsError:
        log.info("Another process made the salt %s.", path)
    finally:
        temporary.unlink()


def _long_enough(text: str, where: str) -> bytes:
    if len(text) < _SHORTEST:
        raise SettingsError(
            f"The salt in {where} is shorter than {_SHORTEST} characters, so it can be guessed."
        )
    return text.encode(errors="surrogateescape")  # bytes that are no text, in the variable, as they are
