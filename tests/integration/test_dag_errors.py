"""What a failed task leaves in its log: the message, last and by itself."""


def test_the_message_stands_last_and_without_what_it_comes_from(
    run_dag, sample, settings_env, tmp_path, capfd
):
    settings_env(sources=sample / "logs", lake=tmp_path / "lake", catalog=sample / "catalog.csv")
    victim = next((sample / "logs").rglob("2024-06-02-*"))
    victim.write_bytes(b"\x1f\x8bno gzip at all")
    run = run_dag(days=["2024-06-02"])
    assert run.states["day.reduce", "2024-06-02"] == "failed"
    told = capfd.readouterr()
    log = (told.out + told.err).split("Task failed with exception")[1].splitlines()
    lines = [line for line in log if "Error: " in line]
    assert len(lines) == 1  # none that it comes from
    assert lines[0].startswith("include.s3logs.errors.UnreadableObjectError: The log object ")
    assert victim.name in lines[0]
    after = log[log.index(lines[0]) + 1]
    assert not after.startswith(("Traceback", "The above", "During", " "))
