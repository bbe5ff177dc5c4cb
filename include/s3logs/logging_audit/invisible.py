"""Characters that nobody sees in a name, and how they are shown."""

import unicodedata

_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
# Letters and marks by their category, and blank all the same: fillers, joiners, variation selectors.
_BLANK = set("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}
_NAMES = {"\t": "tab", "\n": "line break"}


def invisible_characters(text: str) -> list[str]:
    """Return the names of the characters that cannot be seen, as they come.

    A plain space counts where it begins or ends a segment (`logs /`); in between it is seen.
    """
    segments = text.split("/")
    found = [_name(character) for character in text if _is_invisible(character)]
    return found + ["SPACE at an end" for segment in segments if segment != segment.strip(" ")]


def visible(text: str) -> str:
    r"""Return the text with what cannot be seen written as in Python: `logs\\u200b/`, `logs\\x20/`."""
    return "/".join(_visible_segment(segment) for segment in text.split("/"))


def _visible_segment(segment: str) -> str:
    inner = segment.strip(" ")
    start = segment.index(inner) if inner else len(segment)
    end = len(segment) - start - len(inner)
    shown = "".join(
        ascii(character)[1:-1] if _is_invisible(character) or character == "\\" else character
        for character in inner
    )
    return r"\x20" * start + shown + r"\x20" * end


def width(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _is_invisible(character: str) -> bool:
    return character in _BLANK or (character != " " and unicodedata.category(character) in _CATEGORIES)


def _name(character: str) -> str:
    return unicodedata.name(character, "") or _NAMES.get(character) or f"U+{ord(character):04X}"
