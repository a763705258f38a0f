"""Command `serve`: the REST service and the app."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fitmodel.cli.app import AssessmentsTo, Model, OwnConfig, Salt, app, load_spec, plain_errors

if TYPE_CHECKING:
    from fitmodel.service.app import ServedBy


TOKEN = "FITMODEL_TOKEN"  # noqa: S105 - the variable's name  # nosec B105


@app.command(short_help="Serve the team's app and the REST API.")
def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(envvar="FITMODEL_PORT", help="Port to listen on.", min=1, max=65535)
    ] = 8000,
    reload_seconds: Annotated[
        float,
        typer.Option(
            help="How often to check for a new champion, in seconds; 0 means never.", min=0
        ),
    ] = 5.0,
    pipeline: Annotated[
        Path | None,
        typer.Option(
            help="Open prospects that the app shows: CSV or Parquet.", exists=True, dir_okay=False
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Another host name to accept in the Host header.")
    ] = None,
    log: AssessmentsTo = None,
    salt: Salt = None,
    root_path: Annotated[
        str, typer.Option(help="Path prefix that a proxy serves the app under, such as /fit.")
    ] = "",
    workers: Annotated[int, typer.Option(min=1, help="Number of worker processes.")] = 1,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Origin that may call the API from a browser (CORS), such as https://crm.example."
        ),
    ] = None,
    max_bytes: Annotated[
        int, typer.Option(min=1_000, help="Largest request body, in bytes.")
    ] = 5_000_000,
    max_prospects: Annotated[
        int, typer.Option(min=1, help="Largest number of prospects in one request.")
    ] = 10_000,
    max_requests: Annotated[
        int,
        typer.Option(
            min=1, help="Requests at the same time per worker; others get 503 and may retry."
        ),
    ] = 64,
    body_seconds: Annotated[
        float, typer.Option(min=0.1, help="Seconds a client has to send its request body.")
    ] = 10.0,
    answer_seconds: Annotated[
        float, typer.Option(min=0.1, help="Seconds a client has to read the answer.")
    ] = 60.0,
    deals: Annotated[
        Path | None,
        typer.Option(
            help="Past deals, for the pages Team and Watch: CSV or Parquet.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    config: OwnConfig = None,
    plan: Annotated[
        Path | None,
        typer.Option(help="A commission plan (TOML file) for the page Team.", exists=True),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of reps and managers; a rep then sees only their own deals.",
            exists=True,
        ),
    ] = None,
    user_header: Annotated[
        str | None,
        typer.Option(help="Header in which a proxy sends the user's name; needs the token."),
    ] = None,
) -> None:
    """Show the deal desk at /, and answer POST /v1/assessments, GET /v1/model, /readyz, /metrics.

    With --log, POST /v1/decisions records what people decided about a prospect.

    If FITMODEL_TOKEN is set, every request for data needs it as a bearer token. Without a token,
    a service on this machine only accepts its own host names and no page of another site. Beyond
    this machine, a pipeline is only shown with a token.

    Example: fitmodel serve --model models/prospect-fit --pipeline prospects.csv
    """
    with plain_errors():
        from fitmodel.service.app import ServedBy, log_to_stderr
        from fitmodel.service.settings import Settings, read_people

        log_to_stderr()
        if config is not None:
            load_spec(config)  # an error in it is reported here once, not by each worker
        token = os.environ.get(TOKEN, "").strip() or None
        is_open = token is None and people is None
        if is_open:
            _refuse_open_access(host, pipeline, deals)
            typer.echo(
                f"Warning: no {TOKEN} is set; everybody who reaches {host} can ask", err=True
            )
        refuse_taken(host, port)
        settings = Settings(
            token=token,
            max_bytes=max_bytes,
            max_prospects=max_prospects,
            max_requests=max_requests,
            body_seconds=body_seconds,
            answer_seconds=answer_seconds,
            reload_seconds=reload_seconds,
            hosts=_accepted_hosts(host, allow_host) if token is None else frozenset(),
            origins=frozenset(allow_origin or ()),
            people=None if people is None else read_people(people),
            user_header=user_header,
        )
        served = ServedBy(model, settings, log, salt, pipeline, deals, config, people, plan)
        _run(served, host, port, _prefix(root_path), workers)


def _prefix(path: str) -> str:
    """Return the path of a proxy with a slash before it and none behind it; "" for none."""
    inner = path.strip().strip("/")
    return f"/{inner}" if inner else ""


def refuse_taken(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on, before a model is loaded or trained."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise typer.BadParameter(
                f"cannot listen on {_url_host(host)}:{port}: {error.strerror}. Remedy: another "
                "port, or end the program that uses it",
                param_hint="--port",
            ) from error


def _refuse_open_access(host: str, pipeline: Path | None, deals: Path | None) -> None:
    """Refuse to show a table to other machines without a token."""
    shown = next((table for table in (pipeline, deals) if table is not None), None)
    if shown is not None and not _is_loopback(host):
        raise typer.BadParameter(
            f"would show {shown.name} to everybody who reaches {host}: set {TOKEN}, or leave the "
            "host as it is",
            param_hint="--pipeline" if shown == pipeline else "--deals",
        )


def _accepted_hosts(host: str, allowed: list[str] | None) -> frozenset[str]:
    """Return the host names that are accepted; empty, which accepts all, if others can connect."""
    from fitmodel.service.settings import LOOPBACK

    return LOOPBACK.union([_url_host(host)], allowed or ()) if _is_loopback(host) else frozenset()


def _run(served: ServedBy, host: str, port: int, prefix: str, workers: int) -> None:
    """Print the address and run the service until a signal ends it; errors are raised before."""
    from fitmodel.service.app import run_workers

    service = served.make()
    address = f"http://{_url_host(host)}:{port}{prefix}"
    if workers > 1:
        typer.echo(f"{address} by {workers} workers", err=True)
        run_workers(workers, served, **_server_options(host, port, prefix))
        return
    typer.echo(address, err=True)
    run_service(service, host, port, prefix)


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    """Return whether an address to listen on can be reached only from this machine."""
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def run_service(service: object, host: str, port: int, root_path: str = "") -> None:
    """Run the service until a signal ends it."""
    import uvicorn

    uvicorn.run(
        service,  # type: ignore[arg-type]  # FastAPI is imported only where it is used
        **_server_options(host, port, root_path),
    )


def _server_options(host: str, port: int, root_path: str) -> dict[str, Any]:
    return {
        "host": host,
        "port": port,
        "root_path": root_path,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": 10,
        "http": "h11",  # it limits the size of headers; httptools, if it is installed, does not
        "h11_max_incomplete_event_size": 16_384,
    }
