"""`counterfoil serve`: a repository of models over HTTP, with a receipt for each inference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from counterfoil import config
from counterfoil.errors import BadConfig, ServerMissing, TokenNeeded

from .exec import _opened
from .output import Output, command
from .run import seconds

PORT = 8000
"""Triton's own for HTTP."""


@click.command("serve")
@click.argument("models", type=click.Path(path_type=Path, file_okay=False))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Clients need the token in this file, else that in COUNTERFOIL_TOKEN.",
)
@click.option("--settle", is_flag=True, help="Settle in the background.")
@click.option("--no-receipts", is_flag=True, help="Give no receipts.")
@click.option("--unsealed", is_flag=True, help="Answer also where no receipt can be sealed.")
@click.option("--public", is_flag=True, help="The tensors are public: salts that anybody knows.")
@click.option("--keep", metavar="TIME", help="Keep the tensors in the journal so long, as 30d.")
@click.option(
    "--open",
    "opened",
    default="all",
    show_default=True,
    metavar="WHAT",
    help="Tensors that may be opened later: all, inputs, outputs, none, or names with commas.",
)
@click.option(
    "--batching",
    type=click.IntRange(2, 1024),
    metavar="ROWS",
    help="Put requests together, for models whose config.pbtxt has dynamic_batching.",
)
@click.option(
    "--batch-wait",
    type=click.FloatRange(0, 1000),
    default=2.0,
    show_default=True,
    metavar="MS",
    help="The longest wait for others.",
)
@click.option("--threads", type=click.IntRange(1, 1024), help="Of one run; else onnxruntime's own.")
@click.option("--running", type=click.IntRange(1, 1024), help="Inferences at once.")
@click.option("--waiting", type=click.IntRange(0, 65536), help="Requests that wait for their turn.")
@click.option("--timeout", type=click.FloatRange(0.1, 86400), metavar="S", help="Of an inference.")
@click.option("--max-body", type=click.IntRange(1, 2047), metavar="MIB", help="Of a request.")
@command
def cli(
    models: Path,
    host: str,
    port: int,
    token_file: Path | None,
    settle: bool,
    no_receipts: bool,
    unsealed: bool,
    public: bool,
    keep: str | None,
    opened: str,
    batching: int | None,
    batch_wait: float,
    threads: int | None,
    running: int | None,
    waiting: int | None,
    timeout: float | None,
    max_body: int | None,
    out: Output,
    profile: str | None,
) -> None:
    """Serve models over HTTP; every inference gets a receipt.

    MODELS is laid out as Triton's model repository: MODELS/NAME/1/model.onnx. The protocol is
    the Open Inference Protocol v2, so Triton's and KServe's clients need the URL alone.
    It runs until Ctrl-C or SIGTERM and finishes what it has accepted.
    """
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ServerMissing(
            f"{error.name} is not installed: pip install 'counterfoil[server]'"
        ) from error
    from counterfoil.inference.served import Batching, Sealing
    from counterfoil.server import access, app, lines, listening, service
    from counterfoil.server.limits import HELD, MIB, Limits
    from counterfoil.server.models import Models

    settings = config.load_profile(profile)
    if settle and (no_receipts or settings.rpc is None):
        raise BadConfig(
            "--settle needs receipts, and a profile with an `rpc`: see `counterfoil up`"
        )
    address = access.resolve(host)
    secret = access.token(token_file)
    if secret is None and not access.is_loopback(address):
        raise TokenNeeded(
            f"others reach {address}: name a --token-file, or set {access.TOKEN} "
            "(`openssl rand -hex 32` gives a token)"
        )
    given: dict[str, Any] = {
        "running": running,
        "waiting": waiting,
        "seconds": timeout,
        "body": None if max_body is None else max_body * MIB,
        "held": None if max_body is None else max(HELD, 4 * max_body * MIB),
    }
    limits = Limits(**{name: value for name, value in given.items() if value is not None})
    lines.set_up()
    with listening.bind(address, port) as bound:
        sealing = None
        if not no_receipts:
            sealing = Sealing(
                profile=settings,
                on_seal_failure="unsealed" if unsealed else "raise",
                keep=None if keep is None else seconds(keep),
                public=public,
                open=_open(opened),
            )
        together = None if batching is None else Batching(rows=batching, wait=batch_wait / 1000)
        loaded = Models(models, sealing=sealing, threads=threads, batching=together)
        served = service.Service(
            loaded, limits=limits, sealing=sealing, secret=secret, settle=settle
        )

        def tell() -> None:
            said = {"url": listening.url(bound), "profile": settings.name}
            data = {**said, **service.described(served), "settle": settle}
            names = ", ".join(data["models"])
            out.event(data, f"listening {said['url']}")
            out.say(f"models    {names}")
            out.say(f"receipts  {'none' if no_receipts else f'profile {settings.name}'}")

        listening.run(app.make(served), served, bound, tell)


def _open(given: str) -> Any:
    found = _opened(given)
    return tuple(found) if isinstance(found, list) else found
