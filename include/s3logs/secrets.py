"""What is secret in a text: users and passwords in addresses, signatures, tokens, keys.

The one place that knows. Every error of ours passes through `masked`, what servers say through
`masked_answer`, addresses are `shown`, and the loggers of libraries that name requests get a `MaskedLog`.
What is hidden becomes `…`; in doubt too much is hidden.
"""

import logging
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

# Whatever a parameter's name begins with, it is secret if it ends like this.
_WORDS = (
    *("signature", "credential", "credentials", "token", "secret", "password", "passwd", "passphrase", "jwt"),
    *("accesskey", "access_key", "access-key", "accesskeyid", "access_key_id", "access-key-id"),
    *("apikey", "api_key", "api-key", "sessionid", "session_id", "authorization"),
)
# These are secret only as the whole name of a parameter of an address: other words end like them.
_NAMES = ("sig", "key", "code", "auth", "sid", "sas", "session", "pass", "pwd", "pw")
# Headers, and what services call them in JSON and XML, with what follows a colon or a tag.
_FIELDS = (
    *("x-amz-security-token", "x-amz-signature", "x-amz-credential", "set-cookie", "cookie", "x-api-key"),
    *("session_?token", "secret_?access_?key", "access_?key_?id", "client_?secret", "password"),
    *("access_?token", "refresh_?token", "id_?token"),
)
_SHORTEST_TORN = 4  # letters of a name whose beginning is missing


def _coded(sign: str) -> str:
    """Return the pattern of a sign as it is, or percent-encoded any number of times."""
    return rf"(?:{re.escape(sign)}|%(?:25)*{ord(sign):02x})"


def _letters(name: str) -> str:
    """Return the pattern of a name in which any sign may be percent-encoded, in either case."""
    return "".join(rf"(?:{re.escape(c)}|%(?:25)*(?:{ord(c):02x}|{ord(c.upper()):02x}))" for c in name)


def _one_of(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(set(patterns), key=len, reverse=True))})"


_IS, _AT = _coded("="), _coded("@")
_SCHEME = rf"\b[a-z][a-z0-9+.-]{{0,30}}{_coded(':')}{2 * _coded('/')}"
_NAMED = _one_of([_letters(word) for word in _WORDS])
_BEGIN = rf"(?:{_one_of([_coded(sign) for sign in '?&;#'])}|\A)"
_TORN = _one_of([word[n:] for word in _WORDS for n in range(1, len(word) - _SHORTEST_TORN + 1)])
_FIELD = rf"\b[\w-]{{0,40}}{_one_of(_FIELDS)}(?:['\"]?\s*[:=]\s*(?:b?['\"])?|>)"
_TO_END = r"[^\s&\"'<>]+"
# All of them have bounds: a message may quote what a server or a line says at length.
_SECRET = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<kept>{_SCHEME})[^\s/?#\"'<>]{{0,2000}}(?P<then>{_AT})",
        # A password may have signs that belong nowhere in an address. Digits before one of these read as a
        # port, but for S3.
        rf"(?P<kept>{_SCHEME})(?!arn:)[^\s/:?#\"'<>]{{0,500}}:(?!\d+(?:[/?#]|\Z))[^\s\"'<>]{{0,2000}}(?P<then>@)",
        r"(?P<kept>\bs3[an]?://)(?!arn:)[^\s/:?#\"'<>]{0,500}:[^\s\"'<>]{0,2000}(?P<then>@)",
        # Not after a slash: folders are named like `token=abc`, too.
        rf"(?P<kept>(?<![/\w])[\w.~-]{{0,40}}{_NAMED}{_IS}){_TO_END}",
        rf"(?P<kept>{_BEGIN}[\w.~%-]{{0,80}}{_NAMED}{_IS}){_TO_END}",
        rf"(?P<kept>{_BEGIN}{_one_of([_letters(name) for name in _NAMES])}{_IS}){_TO_END}",
        rf"(?P<kept>(?<![/\w.~%-]){_TORN}{_IS}){_TO_END}",
        r"(?P<kept>\bauthorization['\"]?\s*[:=]\s*(?:b?['\"])?)[^'\"\r\n]+",
        r"(?P<kept>\bsignature['\"]?\s*:\s*)[\w+/=-]{20,}",  # one that is logged by itself
        rf"(?P<kept>{_FIELD})[^\s'\",;<>]+",
        r"(?P<kept>\b(?:Bearer|Basic) +)(?=\S*[\d=+/_.-])[\w.~+/=-]{6,}",
    )
]
# What a server repeats of a signed request, at a name or bare: a signature, the token of a session.
_REPEATED = [
    re.compile(
        r"""(?ix) \b (?: x-amz-)? (?: signature | security-token | credential | authorization | stringtosign
        | canonicalrequest | sessiontoken ) (?: bytes )? ["']? \s* [=:>] \s* \S+ """
    ),
    re.compile(r"\b[0-9a-fA-F]{64}\b|[A-Za-z0-9+/=%]{100,}"),
]


def masked(text: str) -> str:
    """Return the text without what is secret in it, wherever that stands; harmless text stays as it is."""
    for pattern in _SECRET:
        text = pattern.sub(_hidden, text)
    return text


def masked_answer(text: str) -> str:
    """Return what a server said without what is secret in it, what it repeats of a signed request included.

    In words of ours a digest or a long path would look like that.
    """
    text = masked(text)  # first: what follows takes words away by which a secret is found
    for pattern in _REPEATED:
        text = pattern.sub("…", text)
    return text


def _hidden(match: re.Match[str]) -> str:
    return f"{match['kept']}…{match.groupdict().get('then') or ''}"


def holds_secret(address: str) -> bool:
    """Tell whether an address, or one of several with commas, holds a user, a password, a token or a key."""
    parts = (address, *address.split(","))
    return any(masked(part) != part or ("://" in part and "…@" in shown(part)) for part in parts)


def shown(address: str) -> str:
    """Return the address without what may be secret: `https://…@host/path`.

    User and password become `…`; the query, where tokens are, and the fragment go. Of what is no address
    only what follows the last `@` is left: a password may have signs that belong nowhere in an address.
    """
    scheme, colon, rest = address.partition("://")
    start = f"{scheme}://" if colon and scheme.isalnum() else ""
    if not _is_well_formed(address):
        _, at, after = (rest if start else address).rpartition("@")
        return f"{start}{'…@' if at else ''}{_without_query(after)}"
    host, slash, path = _without_query(rest).partition("/")
    _, at, host = host.rpartition("@")
    return f"{start}{'…@' if at else ''}{host}{slash}{path}"


def _is_well_formed(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.scheme and parts.hostname and (parts.port is None or parts.port > 0))
    except ValueError:  # its port is no number, its brackets are not closed
        return False


def _without_query(address: str) -> str:
    return address.partition("?")[0].partition("#")[0]


_FORMATTER = logging.Formatter()


class MaskedLog(logging.Filter):
    """Has a logger say what it says without what is secret in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the message, arguments included, and the traceback; every record stays."""
        told = record.getMessage()
        if (hidden := masked(told)) != told:
            record.msg, record.args = hidden, ()
        if record.exc_info and record.exc_info[0]:
            told = _FORMATTER.formatException(record.exc_info)
            if (hidden := masked(told)) != told:
                record.exc_info, record.exc_text = None, hidden
        return True
