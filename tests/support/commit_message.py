"""What every commit message has: a subject of at most 72 characters, an empty line, and a body that says why.

    python -m tests.support.commit_message <file>

The commit-msg hook of `.pre-commit-config.yaml` runs it with the file that holds the message.
"""

import re
import sys
from pathlib import Path

LONGEST_SUBJECT = 72  # characters: `git log --oneline` shows them in one line of a terminal
_MERGE = r"Merge (?:branch|branches|commit|tag|pull request|remote-tracking branch)\b"
_OF_GIT = re.compile(rf"{_MERGE}|(?:fixup|squash|amend)! ")
_SCISSORS = re.compile(r"^# -+ >8 -+$", re.MULTILINE)  # what follows is the diff that `git commit -v` shows
_TRAILER = re.compile(r"[A-Z][a-z-]+-by: ")


def complaints(message: str) -> list[str]:
    """Return what is wrong with a message; nothing with those that git writes itself."""
    written = _SCISSORS.split(message, maxsplit=1)[0]
    lines = [line.rstrip() for line in written.splitlines() if not line.startswith("#")]
    subject, *rest = "\n".join(lines).strip().split("\n")
    if not subject or _OF_GIT.match(subject):
        return []  # git makes no commit of an empty message
    found = []
    if len(subject) > LONGEST_SUBJECT:
        found.append(f"The subject has {len(subject)} characters, {LONGEST_SUBJECT} are allowed: {subject}")
    if rest and rest[0]:
        found.append(f"Between subject and body there has to be an empty line, not: {rest[0]}")
    if not any(line and not _TRAILER.match(line) for line in rest):
        found.append("There is no body: say after an empty line why this is done.")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(complaints(Path(sys.argv[1]).read_text(encoding="utf-8"))) or None)
