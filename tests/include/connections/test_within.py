"""Waiting no longer than one wants to."""

import sys
import threading

import pytest

from include.s3logs.connections.within import within


def test_what_is_done_in_time_comes_back_or_is_raised_as_it_was():
    assert within(5, lambda: threading.current_thread() is not threading.main_thread())
    with pytest.raises(KeyError, match="why"):
        within(5, lambda: {}["why"])
    with pytest.raises(SystemExit):
        within(5, sys.exit)


def test_what_takes_longer_is_left_to_itself_and_keeps_no_process_alive():
    ended, at_work = threading.Event(), []

    def work():
        at_work.append(threading.current_thread())
        ended.wait(20)

    with pytest.raises(TimeoutError):
        within(0.05, work)
    (left,) = at_work
    assert left.daemon
    ended.set()
    left.join(5)
    assert not left.is_alive()
