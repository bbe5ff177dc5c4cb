"""The Airflow home of this checkout: what stays between two starts, and who holds it now."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from s3logs_airflow.local.errors import AlreadyRunningError, LocalError

CHECKOUT = Path(__file__).resolve().parents[3]
HOST = "127.0.0.1"
PORT = 8080
USER = "admin"


@dataclass(frozen=True)
class Instance:
    """The Airflow that runs, or ran last: its address, its processes, and the settings it was given."""

    pid: int = 0
    port: int = PORT
    processes: dict[str, tuple[int, float]] = field(default_factory=dict)  # name: pid, time of creation
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Return the address of the web UI and the REST API."""
        return f"http://{HOST}:{self.port}"


class Home:
    """A folder that only its owner may read, because it holds the login and the keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.database = folder / "airflow.db"
        self.passwords = folder / "passwords.json"
        self._lock = folder / "lock"
        self._instance = folder / "instance.json"
        self._secrets = folder / "secrets.json"

    @classmethod
    def of_checkout(cls) -> Home:
        """Return `.airflow` in the checkout, or where S3LOGS_AIRFLOW_HOME points."""
        return cls(Path(os.environ.get("S3LOGS_AIRFLOW_HOME") or CHECKOUT / ".airflow").absolute())

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep others from starting an Airflow here; AlreadyRunningError if one runs."""
        with self._opened_lock() as lock:  # the kernel lets go of it, however this process ends
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunningError(self.running_message()) from error
            yield

    def _opened_lock(self) -> IO[str]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self.logs.mkdir(exist_ok=True)
            return self._lock.open("a")
        except OSError as error:
            raise LocalError(
                f"{self.folder} cannot be the home of Airflow for this user: {error.strerror}. Set "
                "S3LOGS_AIRFLOW_HOME to a folder of your own."
            ) from error

    def is_held(self) -> bool:
        """Say whether an Airflow of this checkout runs."""
        try:
            with self.hold():
                return False
        except AlreadyRunningError:
            return True

    def running_message(self) -> str:
        """Return what to tell somebody who wants to start a second Airflow here."""
        now = self.instance()
        return (
            f"Airflow of this checkout already runs at {now.url} (process {now.pid}). "
            "Use it there, or end it first: Ctrl-C in its terminal."
        )

    def instance(self) -> Instance:
        """Return what is known of the Airflow that runs or ran last."""
        try:
            content = json.loads(self._instance.read_text(encoding="utf-8"))
            content["processes"] = {name: (pid, born) for name, (pid, born) in content["processes"].items()}
            return Instance(**content)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return Instance()

    def remember(self, instance: Instance) -> None:
        """Note what runs now."""
        _write_private(self._instance, json.dumps(asdict(instance)))

    def secret(self, name: str) -> str:
        """Return a secret that was made at the first start: `password`, `jwt`, `api` or `fernet`."""
        if not self._secrets.exists():
            made = {
                "password": secrets.token_urlsafe(12),
                "jwt": secrets.token_hex(64),
                "api": secrets.token_hex(32),
            }
            made["fernet"] = urlsafe_b64encode(secrets.token_bytes(32)).decode()
            _write_private(self._secrets, json.dumps(made))
        value: str = json.loads(self._secrets.read_text(encoding="utf-8"))[name]
        return value

    def write_login(self) -> None:
        """Write the file from which Airflow's simple auth manager takes the login."""
        _write_private(self.passwords, json.dumps({USER: self.secret("password")}))


def free_port(*preferred: int) -> int:
    """Return the first of the ports that nobody listens on, else any free one."""
    for port in (*preferred, 0):
        with socket.socket() as client:
            if port and client.connect_ex((HOST, port)) == 0:
                continue
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind((HOST, port))
            except OSError:
                continue
            return int(server.getsockname()[1])
    raise OSError("No free port on this machine.")


def _write_private(path: Path, text: str) -> None:
    """Put the file in place as a whole; nobody else may read it, at no moment."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
