"""Ray Data: actors hold sessions, blocks stream through them, results to the owner of the log.

The data set that Ray sees is the list of blocks. An actor reads its rows where it runs, so their
numbers do not depend on how Ray cuts or orders anything. An actor that dies is started anew and
its block is done again; that is Ray's work, and nothing is sealed there.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any, Final

from counterfoil.errors import CounterfoilError, MapMissing, WorkerDied

from .work import Done, Setup, Task, Worker

STORE: Final = 512 * 2**20
"""Bytes of the object store on this machine: results that wait to be sealed."""

DEATHS: Final = 3
"""Times that an actor is started anew, and a block is tried again."""

QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # sends nothing anywhere
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",  # ours is shown
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # what Ray survives is not told
}


def installed() -> bool:
    """Whether Ray is there."""
    return find_spec("ray") is not None


def run(
    setup: Setup, tasks: Iterable[Task], workers: int, *, address: str | None = None
) -> Iterator[Done]:
    """Do blocks on a cluster, or on this machine.

    Args:
        workers: actors; 0: as many as the cluster has processors for.
        address: of a cluster; None: Ray is started here, on loopback, and ended.
    Raises:
        MapMissing: Ray is not installed.
        WorkerDied: Ray cannot be reached, or gave up.
        CounterfoilError: what keeps a worker from beginning.
    """
    given = [pickle.dumps(task) for task in tasks]
    if not given:
        return
    os.environ.update({k: v for k, v in QUIET.items() if k not in os.environ})
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MapMissing(
            "Ray is not installed: pip install 'counterfoil[ray]', or --on processes"
        ) from error
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    mine = not ray.is_initialized()
    stack = ExitStack()
    try:
        if mine:
            folder = stack.enter_context(_own_folder())
            try:
                with _silent():
                    _begin(ray, address, workers * setup.threads + 1, folder)
            except (RuntimeError, ValueError, OSError) as error:
                where = "here" if address is None else f"at {address}"
                raise WorkerDied(f"cannot reach Ray {where}: {_line(error)}") from error
        actors = workers or int(ray.cluster_resources().get("CPU", 1)) // setup.threads
        yield from _stream(ray, setup, given, max(1, min(actors, len(given))))
    except ray.exceptions.RayError as error:
        raise WorkerDied(f"Ray gave up: {_line(error)}") from error
    finally:
        if mine:
            ray.shutdown()
        stack.close()


@contextmanager
def _own_folder() -> Iterator[str]:
    """A folder for Ray's sockets and logs; sockets' paths are short, so TMPDIR's may not do."""
    usual = tempfile.gettempdir()
    parent = usual if len(usual) < 30 else "/tmp"  # noqa: S108 (the folder is made 0700)
    with tempfile.TemporaryDirectory(
        prefix="cf-ray-", dir=parent, ignore_cleanup_errors=True
    ) as folder:
        yield folder


@contextmanager
def _silent() -> Iterator[None]:
    """Keep from the terminal what Ray's own library says of its log level. Errors are raised."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _begin(ray: Any, address: str | None, processors: int, folder: str) -> None:
    common = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    if address is not None:
        ray.init(address=address, **common)
        return
    ray.init(
        address="local",
        num_cpus=processors,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=STORE,
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
        **common,
    )


def _stream(ray: Any, setup: Setup, given: list[bytes], workers: int) -> Iterator[Done]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.verbose_progress = False
    held = ray.put(given)  # while this frame lives
    dataset = ray.data.range(len(given), override_num_blocks=len(given)).map_batches(
        _Actor,
        fn_constructor_args=(setup, held),
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=setup.threads,
        max_restarts=DEATHS * workers,
        max_task_retries=DEATHS,
    )
    for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
        for done in batch.column("done"):
            heard = pickle.loads(done.as_buffer())  # noqa: S301 (our own worker's)
            if isinstance(heard, CounterfoilError):
                raise heard
            yield heard


class _Actor:
    """A session on some machine."""

    def __init__(self, setup: Setup, given: Any) -> None:
        import ray

        self._tasks: list[bytes] = ray.get(given)
        self._error: CounterfoilError | None = None
        try:
            self._worker = Worker(setup)
        except CounterfoilError as error:  # an actor that raises here is started for ever
            self._error = error

    def __call__(self, batch: Any) -> Any:
        import pyarrow

        done: list[bytes] = []
        for place in batch.column("id").to_pylist():
            task = pickle.loads(self._tasks[place])  # noqa: S301 (the owner's)
            done.append(pickle.dumps(self._error or self._worker.run(task)))
        return pyarrow.table({"done": pyarrow.array(done, pyarrow.large_binary())})


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
