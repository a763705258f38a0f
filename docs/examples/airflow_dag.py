"""Retrain every Monday; promote only on evidence."""

from __future__ import annotations

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="prospect_fit",
    schedule="0 5 * * 1",
    start_date=pendulum.datetime(2026, 1, 5, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"cwd": "/srv/fitmodel", "append_env": True},
) as dag:
    export = BashOperator(
        task_id="export",
        bash_command="sf data export bulk --query-file deals.soql --output-file deals.csv"
        " --result-format csv --wait 30",
        retries=2,
    )
    retrain = BashOperator(
        task_id="retrain",
        bash_command="fitmodel retrain deals.csv -c fitmodel.toml --models models",
        skip_on_exit_code=[3, 4],  # the champion stays; nothing new
        retries=0,  # the same deals give the same answer
    )
    export >> retrain
