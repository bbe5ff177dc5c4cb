"""A run is started once, however often it has to be asked for."""

import pytest

from s3logs_airflow.local.errors import RestError
from s3logs_airflow.local.runs import Runs


class Client:
    """Answers with these statuses first, then starts the run."""

    def __init__(self, *statuses):
        self.statuses, self.asked = list(statuses), []

    def post(self, _, body):
        self.asked.append(body["dag_run_id"])
        if self.statuses:
            raise RestError("no", self.statuses.pop(0))
        return body


@pytest.mark.parametrize("statuses", [(), (500,), (0, 503), (500, 409)])
def test_what_a_busy_database_refuses_is_asked_for_again_by_the_same_name(statuses):
    client = Client(*statuses)
    run = Runs(client, [0] * 4).trigger({}, "a note")
    assert set(client.asked) == {run}


@pytest.mark.parametrize("statuses", [(400,), (500,) * 5])
def test_what_does_not_heal_is_raised(statuses):
    with pytest.raises(RestError, match="no"):
        Runs(Client(*statuses), [0] * 4).trigger({}, "a note")
