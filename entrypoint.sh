#!/usr/bin/env bash
# Refuses to start what runs tasks without the salt of the address hashes: a file that a container made for itself
# would go with it, and other containers would have others. All else is up to the entrypoint of the image below.
set -euo pipefail

runs_tasks() {
  case " $* " in
    *" worker "* | *" standalone "* | *execute_workload*) true ;;
    *" scheduler "*) [[ ${AIRFLOW__CORE__EXECUTOR:-LocalExecutor} == *LocalExecutor* ]] ;;
    *) false ;;
  esac
}

if [[ -z ${IP_HASH_SALT:-}${S3LOGS_SALT_FILE:-} ]] && runs_tasks "$@"; then
  echo "IP_HASH_SALT is not set: set it to the same secret for all workers (docs/privacy.md)." >&2
  exit 1
fi

init=$(command -v dumb-init || command -v tini || true)
exec ${init:+"$init" --} /entrypoint "$@"
