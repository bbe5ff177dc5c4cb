"""How addresses are shown: what may be secret is never among it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.s3logs.connections.shown import shown


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://host/path", "https://host/path"),
        ("https://user:pw@host/path?token=t#f", "https://…@host/path"),
        ("https://token@host:8443/a/b", "https://…@host:8443/a/b"),
        ("http://[::1]:80/x?y", "http://[::1]:80/x"),
        ("https://host/of@others", "https://host/of@others"),
        ("https://host?token=t", "https://host"),
        # No addresses, but what people type: a password has signs that belong nowhere in one.
        ("https://user:p/w@host/path?token=t", "https://…@host/path"),
        ("https://user:p?w@host/path", "https://…@host/path"),
        ("https://user:p#w@host/path", "https://…@host/path"),
        ("https://user:p@w@host/path", "https://…@host/path"),
        ("user:pw@host/path", "…@host/path"),
        ("https://user:pw@[::1/path", "https://…@[::1/path"),
        ("https://", "https://"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(address, expected):
    assert shown(address) == expected


# Digits before one of these read as a port: nobody can tell `user:1/x@host` from a host with a path.
_PASSWORDS = st.text(min_size=1).filter(lambda text: not text[0].isdecimal() and not text[0].isspace())


@given(_PASSWORDS.map(lambda text: f"Pa{text}ss"), st.text())
def test_no_password_is_shown_whatever_signs_it_has(password, token):
    assert "Pa" not in shown(f"https://user:{password}@host/path?token=Pa{token}")
