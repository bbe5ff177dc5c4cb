"""Words that name nothing are refused, with the one that is meant."""

import pytest

from include.s3logs.errors import SettingsError
from include.s3logs.settings import Settings, faults_of_environment, load_settings
from include.s3logs.settings.words import OPERATIONS, check_operations


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("GET", "REST.GET.OBJECT"),
        ("get", "REST.GET.OBJECT"),
        ("HEAD", "REST.HEAD.OBJECT"),
        ("rest.get.object", "REST.GET.OBJECT"),
        ("REST.GET", "REST.GET.OBJECT"),
        ("GET.OBJECT", "REST.GET.OBJECT"),
        ("REST-GET-OBJECT", "REST.GET.OBJECT"),
        ("website.get.object", "WEBSITE.GET.OBJECT"),
        ("S3.EXPIRE", "S3.EXPIRE.OBJECT"),
        ("EXPIRE", "S3.EXPIRE.OBJECT"),
    ],
)
def test_what_has_not_the_form_of_an_operation_is_refused_with_the_one_that_is_meant(
    settings_env, word, meant
):
    settings_env(operations=f"REST.GET.OBJECT,{word}")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert "S3LOGS_OPERATIONS=" in str(raised.value)
    assert f"{word!r} is no operation; did you mean {meant}?" in str(raised.value)


@pytest.mark.parametrize("word", ["", "x", "REST GET OBJECT extra words", "REST.GET.OBJECT ", ".GET.OBJECT"])
def test_what_is_like_nothing_is_refused_too(word):
    with pytest.raises(ValueError, match="is no operation"):
        check_operations([word])


def test_all_of_them_are_told_at_once(settings_env):
    settings_env(operations="GET,HEAD", rejection_limit="5")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    for part in ("'GET' is no", "mean REST.GET.OBJECT?", "'HEAD' is no", "S3LOGS_REJECTION_LIMIT"):
        assert part in str(raised.value)


@pytest.mark.parametrize(
    "word", [*OPERATIONS, "SOAP.GetObject", "REST.GET.get_obj", "S3.TRANSITION_SIA.OBJECT", "S4.NEW.THING"]
)
def test_operations_that_are_not_known_by_name_may_be_asked_for(settings_env, word):
    settings_env(operations=word)
    assert load_settings().operations == (word,)


def test_a_variable_that_is_no_setting_is_told_with_the_one_that_is_meant(settings_env):
    settings_env(lake="/lake", catalogue="x", retires=3, airflow_password="p", airflow_home="h", data="d")
    assert faults_of_environment() == [
        "S3LOGS_CATALOGUE is no setting; did you mean S3LOGS_CATALOG?",
        "S3LOGS_RETIRES is no setting; did you mean S3LOGS_RETRIES?",
    ]


def test_one_in_the_env_file_and_one_like_nothing_are_told_and_any_case_is_taken(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("S3LOGS_LAKE=/x\ns3logs_catalog=/y\nS3LOGS_ZZZ=1\nOTHER=2\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    assert faults_of_environment() == ["S3LOGS_ZZZ is no setting."]
