"""What a run was asked for: its parameters, checked before any work."""

from __future__ import annotations

from collections.abc import Collection

from airflow.sdk import Context

from include.s3logs.errors import SettingsError


def refuse_unknown(context: Context, known: Collection[str]) -> None:
    """Raise SettingsError for parameters that do not exist: Airflow takes them without a word."""
    unknown = sorted(set(context["dag_run"].conf or {}) - set(known))
    if unknown:
        raise SettingsError(
            f"The run has parameters that do not exist: {', '.join(unknown)}. "
            f"There are: {', '.join(sorted(known))}."
        )


def is_forced(context: Context) -> bool:
    """Tell whether the run computes again what did not change."""
    return bool(context["params"].get("force"))


def token_of(context: Context) -> str:
    """Return what tells this run from all others, the same in every try of its tasks."""
    return str(context["dag_run"].run_id)
