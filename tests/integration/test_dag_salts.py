"""Workers with different salts, as Airflow runs them."""

import json
from datetime import date

from include.s3logs.pipeline import run
from include.s3logs.settings import load_settings

FIRST, SECOND = date(2024, 6, 1), date(2024, 6, 2)


def test_a_run_of_days_maps_them_again_without_logs_and_fails_at_its_end_for_those_that_are_left(
    run_dag, sample, tmp_path, settings_env, monkeypatch
):
    settings_env(sources=sample / "logs", lake=tmp_path / "lake", catalog=sample / "catalog.csv")
    monkeypatch.setenv("IP_HASH_SALT", "the salt of another worker")
    assert run(load_settings(), days=[FIRST, SECOND]).exit_status == 0
    for path in (sample / "logs").rglob(f"{FIRST}-*"):
        path.unlink()
    monkeypatch.setenv("IP_HASH_SALT", "the salt of this worker")

    done = run_dag(first_day=str(FIRST), last_day=str(FIRST))
    assert (done.outcomes("bin"), done.outcomes("map")) == ({str(FIRST): "reused"}, {str(FIRST): "computed"})
    assert (done.states["publish", None], done.states["complete", None]) == ("success", "failed")
    published = done.xcoms["publish", None]
    (failure,) = published["failures"]
    assert failure.startswith("1 log days, 2024-06-02, were mapped with another salt than today's.")
    assert published["states"] == {"complete": 2}
    totals = json.loads((tmp_path / "lake/usage/archive_totals.json").read_text())
    assert totals["number_of_requesters"] is None
