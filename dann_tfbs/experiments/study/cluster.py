"""Work spread over processes: on this machine, on a Dask cluster that is there, or on SLURM."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dann_tfbs.errors import DannTfbsError, InputError
from dann_tfbs.threads import available_cores

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

DEATHS = 3
"""A piece of work that so many workers died of is given up."""

CONNECT_SECONDS = 20


@dataclass(frozen=True)
class Machines:
    """Where work is done.

    Attributes
    ----------
    workers
        Processes, one core each: on this machine; or jobs of SLURM. None means one a core here.
        0 works in this very process, one piece after another.
    scheduler
        Address of a Dask scheduler that is running, such as `tcp://host:8786`.
    slurm
        Whether to ask SLURM for the workers; partition, memory and time are those of the user's
        Dask configuration (`jobqueue.slurm`).
    """

    workers: int | None = None
    scheduler: str | None = None
    slurm: bool = False


@contextmanager
def connected(machines: Machines) -> Iterator[Client | None]:
    """Give a Dask client, or None where work is done in this process.

    Raises
    ------
    InputError
        If the scheduler does not answer, or dask-jobqueue is missing.
    """
    if machines.workers == 0:
        yield None
        return
    import dask
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    settings = {
        "distributed.scheduler.allowed-failures": DEATHS - 1,
        # Work takes minutes: stealing by guessed times does harm, idle workers ask anyway.
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.scheduler.work-stealing": False,
        # What watches the processes themselves takes a share of cores that have other work.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "500ms",
    }
    with dask.config.set(settings):
        if machines.scheduler is not None:
            with _client_of(machines.scheduler) as client:
                yield client
            return
        cluster = _slurm(machines.workers) if machines.slurm else _local(machines.workers)
        with cluster, Client(cluster) as client:
            yield client


def _client_of(address: str) -> Client:
    from distributed import Client

    try:
        return Client(address, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"no scheduler answers at {address} ({error}).",
            key="--scheduler",
            remedy="Start one with `dask scheduler`, and workers with `dask worker`.",
        ) from error


def _local(workers: int | None):  # type: ignore[no-untyped-def]
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=workers or available_cores(),
        threads_per_worker=1,
        memory_limit=0,  # the system's own limits hold; a paused worker would only hang
        dashboard_address="127.0.0.1:0",  # any free port: several studies may run at once
        silence_logs=logging.CRITICAL,
    )


def _slurm(workers: int | None):  # type: ignore[no-untyped-def]
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise InputError(
            "dask-jobqueue is not installed.",
            key="--slurm",
            remedy="Install the extra: pip install 'dann-tfbs[cluster]'.",
        ) from error
    if workers is None:
        raise InputError("say how many jobs to ask for.", key="--workers")
    import dask

    dask.config.set({f"jobqueue.slurm.{k}": v for k, v in _slurm_defaults().items()})
    cluster = SLURMCluster(
        cores=1, processes=1, scheduler_options={"dashboard_address": "127.0.0.1:0"}
    )
    cluster.scale(jobs=workers)
    return cluster


def _slurm_defaults() -> dict[str, str]:
    """Return what a job needs that the user's configuration leaves open."""
    import dask

    ours = {"memory": "4GB", "walltime": "04:00:00"}
    theirs = {"walltime": "00:30:00"}  # dask-jobqueue's own: a training may take longer
    return {
        key: value
        for key, value in ours.items()
        if dask.config.get(f"jobqueue.slurm.{key}") in (None, theirs.get(key))
    }


class WorkLostError(DannTfbsError):
    """Work that several workers died of (exit code 1)."""


def spread(
    client: Client | None, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[tuple[Item, Result | WorkLostError]]:
    """Do the work of each item somewhere, and yield the results as they come.

    A worker that dies has its work done by another; work that `DEATHS` workers died of yields
    `WorkLostError`. An error of the work itself is raised.

    Parameters
    ----------
    client
        From `connected`.
    work
        A function that can be pickled; it must not mind being begun twice.
    items
        What to work on, in this order.

    Raises
    ------
    DannTfbsError
        If the scheduler is lost.
    """
    if client is None:
        yield from ((item, work(item)) for item in items)
        return
    from distributed import CancelledError, as_completed
    from distributed.scheduler import KilledWorker

    futures = {client.submit(work, item, pure=False): item for item in items}
    for future in as_completed(futures):
        item = futures.pop(future)
        try:
            yield item, future.result()
        except KilledWorker as error:
            lost = WorkLostError(
                f"{DEATHS} workers died of it (last {error.last_worker}).",
                remedy="They may have run out of memory or time.",
            )
            yield item, lost
        except CancelledError as error:
            raise DannTfbsError(
                "the connection to the scheduler was lost.",
                remedy="What has finished is kept; the same command goes on with the rest.",
            ) from error
        finally:
            future.release()
