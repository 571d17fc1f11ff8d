"""Work spread over processes. What is imported here every worker imports: keep it light."""

import os
import signal
import time
from functools import partial

import pytest

from dann_tfbs.errors import DannTfbsError, InputError
from dann_tfbs.experiments.study.cluster import Machines, WorkLostError, connected, spread


def _note(item, folder):
    """Work that kills its worker the first time it is tried."""
    marker = folder / f"{item}.tried"
    with open(folder / "log", "a") as log:
        log.write(f"{item}\n")
    if item == "deadly" or (item == "fatal once" and not marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return item.upper()


def test_a_worker_that_dies(tmp_path):
    """Its work is done by another, what kills every worker is given up, the rest is done once."""
    items = ["a", "fatal once", "b", "deadly", "c"]
    with connected(Machines(workers=2)) as client:
        found = dict(spread(client, partial(_note, folder=tmp_path), items))
    assert isinstance(found.pop("deadly"), WorkLostError)
    assert found == {item: item.upper() for item in ("a", "b", "c", "fatal once")}
    tried = (tmp_path / "log").read_text().splitlines()
    assert tried.count("fatal once") >= 2
    # A worker may take down the work that waits for it too, which counts as a death of that.
    assert 1 <= tried.count("deadly") <= 3


def test_a_cluster_that_is_running():
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        connected(Machines(scheduler=cluster.scheduler_address)) as client,
    ):
        assert dict(spread(client, str.upper, ["a", "b"])) == {"a": "A", "b": "B"}


def test_a_scheduler_that_is_lost(monkeypatch):
    """The client cancels all that was under way; that is told in one line."""
    import distributed

    class Lost:
        def result(self):
            raise distributed.client.FutureCancelledError("work", "scheduler-connection-lost")

        def release(self):
            pass

    class Client:
        def submit(self, work, item, pure):
            return Lost()

    monkeypatch.setattr(distributed, "as_completed", list)
    with pytest.raises(DannTfbsError, match="connection to the scheduler was lost"):
        next(spread(Client(), str.upper, ["a"]))


def test_no_scheduler_answers(monkeypatch):
    monkeypatch.setattr("dann_tfbs.experiments.study.cluster.CONNECT_SECONDS", 0.2)
    with (
        pytest.raises(InputError, match="no scheduler answers"),
        connected(Machines(scheduler="tcp://127.0.0.1:9")),
    ):
        pass


def test_in_this_process():
    with connected(Machines(workers=0)) as client:
        assert list(spread(client, str.upper, ["a"])) == [("a", "A")]


def test_a_job_of_slurm(monkeypatch):
    jobqueue = pytest.importorskip("dask_jobqueue", reason="needs the extra `cluster`")
    asked = []
    monkeypatch.setattr(
        jobqueue.SLURMCluster, "scale", lambda self, jobs: asked.append((jobs, self.job_script()))
    )
    with connected(Machines(workers=3, slurm=True)):
        pass
    jobs, script = asked[0]
    assert jobs == 3
    assert "#SBATCH --cpus-per-task=1" in script
    assert "#SBATCH -t 04:00:00" in script
    assert "distributed.cli.dask_worker" in script or "dask worker" in script


def test_slurm_needs_a_number():
    pytest.importorskip("dask_jobqueue", reason="needs the extra `cluster`")
    with pytest.raises(InputError, match="how many jobs"), connected(Machines(slurm=True)):
        pass
