"""Retrain on Mondays, promote only on evidence; score the pipeline every working day."""

# Dagster reads the types of parameters: no `from __future__ import annotations` here.

import os
import subprocess

import dagster as dg

HOME = os.environ.get("FITMODEL_HOME", "/srv/fitmodel")
PROMOTED, CHAMPION_STAYS, NOTHING_NEW = 0, 3, 4  # exit codes of retrain that are not failures


def run(context: dg.AssetExecutionContext, command: str, good: set[int]) -> int:
    """Run fitmodel in its folder; its last words are the run's log."""
    done = subprocess.run(command.split(), cwd=HOME, check=False, capture_output=True, text=True)  # noqa: S603
    context.log.info("%s%s", done.stdout, done.stderr)
    if done.returncode not in good:
        raise dg.Failure(f"{command}: exit code {done.returncode}")
    return done.returncode


@dg.asset
def champion(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """The model in use, after a retraining on the latest deals."""
    code = run(
        context,
        "fitmodel retrain deals.csv -c fitmodel.toml --models models",
        {PROMOTED, CHAMPION_STAYS, NOTHING_NEW},
    )
    return dg.MaterializeResult(metadata={"promoted": code == PROMOTED})


@dg.asset(deps=[champion])
def scored_prospects(context: dg.AssetExecutionContext) -> None:
    """The open pipeline with probabilities, flags and reasons."""
    run(
        context,
        "fitmodel score prospects.csv --model models/prospect-fit --output scored.parquet",
        {0},
    )


definitions = dg.Definitions(
    assets=[champion, scored_prospects],
    schedules=[
        dg.ScheduleDefinition(
            name="monday",
            cron_schedule="0 5 * * 1",
            target=dg.AssetSelection.assets(champion, scored_prospects),
        ),
        dg.ScheduleDefinition(
            name="working_day",
            cron_schedule="0 5 * * 2-5",
            target=dg.AssetSelection.assets(scored_prospects),
        ),
    ],
)
