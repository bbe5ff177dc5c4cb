"""Whose certificates are trusted."""

import os
import ssl
from pathlib import Path

import certifi

from include.s3logs.errors import SettingsError


def trusted() -> ssl.SSLContext:
    """Trust what the usual variables name, else the certificates of the system and those of certifi."""
    name = next((name for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE") if os.environ.get(name)), None)
    try:
        if name is None:
            context = ssl.create_default_context()
            context.load_verify_locations(certifi.where())
            return context
        path = os.environ[name]
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise SettingsError(f"{name} names no certificates that can be read: {error}") from error
