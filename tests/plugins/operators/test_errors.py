"""How an error leaves an operator: by itself; what it comes from is in the log for who looks for it."""

import logging
import traceback
from importlib import import_module
from pkgutil import iter_modules

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.s3logs.errors import NotFoundError, ReconciliationError, S3LogsError
from s3logs_airflow import operators
from s3logs_airflow.operators.errors import told


class Operator:
    """What `told` needs of an operator: what it does."""

    def __init__(self, kind):
        self.kind = kind

    @told
    def execute(self, context):
        """Fail for a reason that has one itself, or return what there is."""
        if self.kind is None:
            return context
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise self.kind("The lake is not there.") from error


@pytest.mark.parametrize(
    ("kind", "level"), [(NotFoundError, logging.DEBUG), (ReconciliationError, logging.INFO)]
)
def test_an_error_of_ours_comes_without_its_causes(caplog, kind, level):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(kind, match="The lake is not there") as raised:
        Operator(kind).execute({})
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert raised.traceback[-1].name == "explained"
    (record,) = caplog.records
    assert record.levelno == level
    assert "KeyError: 'inner'" in caplog.text


def test_a_bug_keeps_its_traceback_and_a_result_its_value(caplog):
    with pytest.raises(ValueError, match="The lake") as raised:
        Operator(ValueError).execute({})
    assert not isinstance(raised.value, S3LogsError)
    assert isinstance(raised.value.__cause__, KeyError)
    assert Operator(None).execute({"a": 1}) == {"a": 1}
    assert not caplog.records


SECRET = "https://user:tell-nobody@host/?X-Amz-Signature=tell-nobody"


def _noted(error):
    error.add_note(SECRET)
    return error


@pytest.mark.parametrize(
    "raised",
    [
        ValueError(f"no access to {SECRET}"),
        OSError(5, "cannot be opened", SECRET),
        _noted(KeyError("a")),
        ExceptionGroup("several", [KeyError("a"), ValueError(SECRET)]),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("is_cause", [False, True])
def test_what_is_secret_in_an_error_of_others_or_in_what_it_comes_from_does_not_leave(
    caplog, raised, is_cause
):
    caplog.set_level(logging.DEBUG)

    class Failing:
        @told
        def execute(self, context):
            if is_cause:
                raise TypeError("harmless") from raised
            raise raised

    with pytest.raises(RuntimeError) as left:
        Failing().execute({})
    text = "".join(traceback.format_exception(left.value))
    assert "tell-nobody" not in text + caplog.text
    assert "https://…@host/" in text
    kind = TypeError if is_cause else type(raised)
    assert f"{kind.__name__}: " in text
    assert "in execute" in text  # where it was


def test_what_an_error_of_ours_comes_from_is_logged_without_secrets(caplog):
    caplog.set_level(logging.DEBUG)

    class Failing:
        @told
        def execute(self, context):
            raise NotFoundError("It is not there.") from ValueError(SECRET)

    with pytest.raises(NotFoundError):
        Failing().execute({})
    assert "ValueError: https://…@host/" in caplog.text
    assert "tell-nobody" not in caplog.text


@pytest.mark.parametrize("kind", [AirflowSkipException, AirflowFailException, KeyboardInterrupt])
def test_what_steers_airflow_stays_what_it_is(kind):
    class Ending:
        @told
        def execute(self, context):
            raise kind(SECRET)

    with pytest.raises(kind):
        Ending().execute({})


def test_every_operator_of_ours_tells_its_errors_so():
    from airflow.sdk import BaseOperator

    modules = [import_module(f"{operators.__name__}.{one.name}") for one in iter_modules(operators.__path__)]
    found = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, BaseOperator) and kind is not BaseOperator
    }
    assert len(found) >= 12
    for kind in found:
        assert "explained" in _names(kind.execute), kind


def _names(function):
    """Return the names of the code of a function and of those that it wraps."""
    names = set()
    while function is not None:
        names.add(function.__code__.co_name)
        function = getattr(function, "__wrapped__", None)
    return names
