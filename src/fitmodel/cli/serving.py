"""Serve a model over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import Model, app, plain_errors
from fitmodel.cli.logs import Salt

TOKEN = "FITMODEL_TOKEN"  # noqa: S105 - the variable's name


@app.command()
def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    reload_seconds: Annotated[
        float, typer.Option(help="How often to look for another champion; 0 never.", min=0)
    ] = 5.0,
    pipeline: Annotated[
        Path | None,
        typer.Option(
            help="Open prospects for the deal desk to show: CSV or Parquet.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    log: Annotated[
        str | None, typer.Option(help="Decision log for every assessment: a file or postgresql://")
    ] = None,
    salt: Salt = None,
) -> None:
    """Show the deal desk at /, and answer POST /v1/assessments, GET /v1/model, /readyz, /metrics.

    With --log, POST /v1/decisions keeps what people then did with a prospect.

    With FITMODEL_TOKEN set, every request for data must bring it as a bearer token.

    Example: fitmodel serve --model models/prospect-fit --pipeline prospects.csv
    """
    with plain_errors():
        from fitmodel.monitoring.log import DecisionLog
        from fitmodel.scoring.service.app import create_app
        from fitmodel.scoring.service.logs import log_to_stderr
        from fitmodel.scoring.service.settings import Settings

        log_to_stderr()
        token = os.environ.get(TOKEN) or None
        settings = Settings(token=token, reload_seconds=reload_seconds)
        decisions = None if log is None else DecisionLog(log, salt=salt)
        service = create_app(model, settings, log=decisions, pipeline=pipeline)
        if token is None:
            typer.echo(f"Warning: no {TOKEN} is set; whoever reaches {host} can ask", err=True)
        typer.echo(f"http://{host}:{port}", err=True)
        _run(service, host, port)


def _run(service: object, host: str, port: int) -> None:
    import uvicorn

    uvicorn.run(
        service,  # type: ignore[arg-type]  # FastAPI is imported only where it is used
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
