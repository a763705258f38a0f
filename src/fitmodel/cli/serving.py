"""Command `serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fitmodel.cli.app import Model, app, plain_errors
from fitmodel.cli.logs import Salt

TOKEN = "FITMODEL_TOKEN"  # noqa: S105 - the variable's name  # nosec B105


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
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another name that a proxy on this machine passes on (Host)."),
    ] = None,
    log: Annotated[
        str | None, typer.Option(help="Decision log for every assessment: a file or postgresql://")
    ] = None,
    salt: Salt = None,
) -> None:
    """Show the deal desk at /, and answer POST /v1/assessments, GET /v1/model, /readyz, /metrics.

    With --log, POST /v1/decisions keeps what people then did with a prospect.

    With FITMODEL_TOKEN set, every request for data must bring it as a bearer token. Without it,
    a service on this machine answers to its own names only, and to no page of another site; beyond
    this machine no pipeline is shown without it.

    Example: fitmodel serve --model models/prospect-fit --pipeline prospects.csv
    """
    with plain_errors():
        from fitmodel.monitoring.log import DecisionLog
        from fitmodel.service.app import create_app
        from fitmodel.service.logs import log_to_stderr
        from fitmodel.service.settings import LOOPBACK, Settings

        log_to_stderr()
        token = os.environ.get(TOKEN, "").strip() or None
        name = f"[{host}]" if ":" in host else host
        if pipeline is not None and token is None and not _is_here(host):
            raise typer.BadParameter(
                f"would show {pipeline.name} to whoever reaches {host}: set {TOKEN}, or leave the "
                "host as it is",
                param_hint="--pipeline",
            )
        settings = Settings(
            token=token,
            reload_seconds=reload_seconds,
            hosts=LOOPBACK.union([name], allow_host or ())
            if token is None and _is_here(host)
            else frozenset(),
        )
        decisions = None if log is None else DecisionLog(log, salt=salt)
        service = create_app(model, settings, log=decisions, pipeline=pipeline)
        if token is None:
            typer.echo(f"Warning: no {TOKEN} is set; whoever reaches {host} can ask", err=True)
        typer.echo(f"http://{name}:{port}", err=True)
        _run(service, host, port)


def _is_here(host: str) -> bool:
    """Whether only this machine reaches an address to listen on."""
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
        http="h11",  # it bounds the headers; httptools, where that is installed, does not
        h11_max_incomplete_event_size=16_384,
    )
