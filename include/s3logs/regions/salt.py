"""The secret key under which addresses are hashed; whoever has it can find the address behind each hash.

It comes from the environment variable IP_HASH_SALT or from a file outside the lake, which is generated once.
It is never logged, never in XCom and never in the lake.
"""

import hmac
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
_NAMED = re.compile(rf", salt ([0-9a-f]{{{2 * _NAME_BYTES}}})$")


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


def with_salt(version: str, salt: bytes) -> str:
    """Return the version of region data together with the name of the salt, as checkpoints of map hold it."""
    return f"{version}, salt {name_of(salt)}"


def salt_named_in(version: str) -> str:
    """Return the name that `with_salt` put there; "" when there is none."""
    found = _NAMED.search(version)
    return found[1] if found else ""


def usual_folders() -> Sequence[Path]:
    """Return where the salt may be: in the project or, where that may not be written, in the home."""
    return PROJECT, Path.home()


def find_salt(
    salt_file: str = "",
    lake: str = "",
    folders: Callable[[], Sequence[Path]] = usual_folders,
    *,
    several_workers: bool = False,
) -> bytes | None:
    """Return the salt: of IP_HASH_SALT, else of the file; None when there is none yet and one may be made.

    `salt_file` and `lake` are the settings of these names; without the first, the file is in one of the
    folders. With `several_workers` each would make one of its own there, so it is refused. Raises
    SettingsError, never with the salt.
    """
    if given := os.environ.get(VARIABLE, "").strip():
        return _long_enough(given, VARIABLE)
    found = _read(_place(salt_file, lake, folders))
    if found is None and several_workers and not salt_file:
        raise SettingsError(
            f"{VARIABLE} is not set. Tasks may run on several workers, and each would make a salt of its "
            f"own: set {VARIABLE} to the same secret for all of them (docs/privacy.md)."
        )
    return found


def load_salt(
    salt_file: str = "",
    lake: str = "",
    folders: Callable[[], Sequence[Path]] = usual_folders,
    *,
    several_workers: bool = False,
) -> bytes:
    """Return what `find_salt` does; where there is none, one is made."""
    found = find_salt(salt_file, lake, folders, several_workers=several_workers)
    return _make(_place(salt_file, lake, folders)) if found is None else found


def _place(salt_file: str, lake: str, folders: Callable[[], Sequence[Path]]) -> Path:
    if "://" in salt_file:
        raise SettingsError(f"S3LOGS_SALT_FILE={salt_file!r} is no file of this machine; set {VARIABLE}.")
    named = Path(salt_file).expanduser().absolute() if salt_file else None
    return _outside(named or _default_place(folders()), lake)


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


def _read(path: Path) -> bytes | None:
    """Return the salt in the file; None when there is no such file."""
    with _refused(path):
        if not path.exists():
            return None
        text = path.read_text(encoding="ascii").strip()
    return _long_enough(text, str(path))


def _make(path: Path) -> bytes:
    """Put a new salt under `path` as a whole, unless another process is faster; return what is there then."""
    with _refused(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}-{secrets.token_hex(8)}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secrets.token_hex(_GENERATED_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(temporary)
            log.warning(
                "A new salt for the hashes of addresses was made: %s. Keep it, and keep it secret.", path
            )
        except FileExistsError:
            log.info("Another process made the salt %s.", path)
        finally:
            temporary.unlink()
        text = path.read_text(encoding="ascii").strip()
    return _long_enough(text, str(path))


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """What goes wrong with the file is a SettingsError."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The salt {path} can be neither read nor made ({type(error).__name__}); "
            f"set S3LOGS_SALT_FILE or {VARIABLE}."
        ) from error


def _long_enough(text: str, where: str) -> bytes:
    if len(text) < _SHORTEST:
        raise SettingsError(
            f"The salt in {where} is shorter than {_SHORTEST} characters, so it can be guessed."
        )
    return text.encode(errors="surrogateescape")  # bytes that are no text, in the variable, as they are
