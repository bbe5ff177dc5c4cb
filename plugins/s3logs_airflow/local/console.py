"""Say things to the person at the terminal, or to the log of a machine."""

from rich.console import Console


def say(console: Console, text: str, style: str = "") -> None:
    """Print the text as it is, without breaking addresses and paths."""
    console.print(harmless(text), style=style or None, markup=False, soft_wrap=True)


def harmless(text: str) -> str:
    """Return the text with what could steer a terminal made visible: it may come out of a log line."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
