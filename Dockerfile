# The image of every Airflow component. With the Astro CLI, build on Astro Runtime instead:
#   docker build --build-arg AIRFLOW_IMAGE=<an Astro Runtime image of Airflow 3.3> .
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.12
FROM ${AIRFLOW_IMAGE}

USER root
COPY packages.txt /tmp/packages.txt
RUN if grep -qv '^#' /tmp/packages.txt; then \
      apt-get update && grep -v '^#' /tmp/packages.txt | xargs apt-get install -y --no-install-recommends \
      && rm -rf /var/lib/apt/lists/*; \
    fi
USER airflow

COPY requirements.txt constraints.txt /tmp/
RUN pip install --no-cache-dir -r /tmp/requirements.txt -c /tmp/constraints.txt

ENV PROJECT=/opt/airflow/s3logs
WORKDIR ${PROJECT}
COPY --chown=airflow:0 include ${PROJECT}/include
COPY --chown=airflow:0 plugins ${PROJECT}/plugins
COPY --chown=airflow:0 dags ${PROJECT}/dags
COPY --chown=airflow:0 entrypoint.sh ${PROJECT}/
ENV PYTHONPATH=${PROJECT}:${PROJECT}/plugins \
    AIRFLOW__CORE__DAGS_FOLDER=${PROJECT}/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=${PROJECT}/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT=60 \
    AIRFLOW__WORKERS__EXECUTION_API_RETRIES=8 \
    AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX=10 \
    AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT=90 \
    AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL=60 \
    NUMBA_CPU_NAME=generic
# Compile the parser's kernels now, for any processor, so that no task has to.
RUN python -m include.s3logs.parsing.kernel
# Nothing that runs tasks starts without IP_HASH_SALT.
ENTRYPOINT ["/opt/airflow/s3logs/entrypoint.sh"]
