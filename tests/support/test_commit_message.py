"""The commit-msg hook: which messages it lets pass, and what it says of the others."""

import subprocess
import sys

import pytest

from tests.support.commit_message import LONGEST_SUBJECT, complaints
from tests.support.paths import PROJECT

LONG = "s" * (LONGEST_SUBJECT + 1)
WHY = "\n\nBecause it was wrong.\n"
COMMENTS = "\n# Please enter the commit message for your changes.\n"
DIFF = "# ------------------------ >8 ------------------------\n# Do not modify.\ndiff --git a/x b/x\n+why\n"


@pytest.mark.parametrize(
    "message",
    [
        f"Map: a subject{WHY}",
        f"{LONG[1:]}{WHY}",
        f"\n\nMap: a subject{WHY}{COMMENTS}",
        f"Map: a subject{WHY}Signed-off-by: Ada <ada@example.org>\n",
        f"Map: a subject{WHY}{COMMENTS}{DIFF}",
        "Merge branch 'map'\n",
        "Merge remote-tracking branch 'origin/main' into map\n",
        f"fixup! {LONG}\n",
        COMMENTS,
        "",
    ],
)
def test_messages_that_pass(message):
    assert complaints(message) == []


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (f"{LONG}{WHY}", ["The subject has 73 characters"]),
        ("Map: a subject\n", ["There is no body"]),
        (f"Map: a subject\n{COMMENTS}", ["There is no body"]),
        (f"Map: a subject\n{COMMENTS}{DIFF}", ["There is no body"]),
        ("Map: a subject\n\nSigned-off-by: Ada <ada@example.org>\n", ["There is no body"]),
        ("Map: a subject\nand why\n", ["Between subject and body"]),
        ("Merge months before they are read\n", ["There is no body"]),
        (f"{LONG}\n", ["The subject has 73 characters", "There is no body"]),
    ],
)
def test_messages_that_do_not(message, said):
    found = complaints(message)
    assert len(found) == len(said)
    for complaint, beginning in zip(found, said, strict=True):
        assert complaint.startswith(beginning)


@pytest.mark.parametrize(("message", "status"), [(f"Map: a subject{WHY}", 0), ("Map: a subject\n", 1)])
def test_as_a_hook_it_fails_and_says_why(tmp_path, message, status):
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text(message)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.commit_message", file],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status
    assert ("There is no body" in done.stderr) == (status != 0)
