"""The engine of a Ray cluster: the only module that knows Ray."""

import time
import uuid
from pathlib import Path
from typing import Any

from typing_extensions import override

from deltavae.errors import UserError
from deltavae.studies.engine import Engine, Job, Outcome, end_process, start_process

_IN_FLIGHT_PER_SLOT = 2


class RayEngine(Engine):
    """Jobs as Ray tasks; each task starts the job's process and waits for it.

    The study's folder must be on a file system that all nodes share, at the same path. Each node
    runs a job's command as it stands, so that the Python and the files that it names must be
    there as well; it has the node's own environment. A job whose worker or node is lost comes
    back with status None; the process itself ends with its worker, because a run watches its
    parent.

    Args:
        folder: of the study; each node is asked whether it sees it.
        address: of the cluster (`auto`, `HOST:PORT` or `ray://HOST:PORT`); None starts Ray on
            this machine, with `cores` cores.
        cores_per_job: processor cores for each job.
        gpus_per_job: GPUs for each job; a fraction shares one.
        cores: of the machine, where Ray is started here.
        timeout: seconds to wait for a cluster.

    Raises:
        UserError: Ray is not installed, no cluster answers, no node has room for a job, or a
            node does not see the folder.
    """

    def __init__(
        self,
        folder: Path,
        address: str | None = None,
        cores_per_job: int = 1,
        gpus_per_job: float = 0.0,
        cores: int | None = None,
        timeout: float = 20.0,
    ) -> None:
        try:
            import ray
        except ImportError:
            raise UserError(
                "Ray is not installed", advice="Install it with pip install 'ray[default]'."
            ) from None
        self._ray: Any = ray
        self._connect(address, cores, timeout)
        try:
            self.slots = self._count_slots(cores_per_job, gpus_per_job)
            self.capacity = _IN_FLIGHT_PER_SLOT * self.slots
            self._check_nodes(folder)
        except UserError:
            self.close()
            raise
        # A lost worker is reported, and the study decides: Ray's own retries are off.
        self._task = ray.remote(num_cpus=cores_per_job, num_gpus=gpus_per_job, max_retries=0)(
            _run_job
        )
        self._jobs: dict[Any, tuple[Job, float]] = {}

    @override
    def submit(self, job: Job) -> None:
        self._jobs[self._task.remote(job)] = (job, time.monotonic())

    @override
    def next(self) -> Outcome:
        (reference,), _ = self._ray.wait(list(self._jobs), num_returns=1)
        job, submitted = self._jobs.pop(reference)
        try:
            status, seconds = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError:
            return Outcome(job.key, None, time.monotonic() - submitted)
        return Outcome(job.key, status, seconds)

    @override
    def close(self) -> None:
        for reference in getattr(self, "_jobs", {}):
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()

    def _connect(self, address: str | None, cores: int | None, timeout: float) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if address is None:
            options |= {"num_cpus": cores, "include_dashboard": False}
        else:
            _reach(address, timeout)
        try:
            self._ray.init(address=address or "local", **options)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            raise UserError(
                f"no Ray cluster answers at {address or 'this machine'}",
                received=str(error).splitlines()[0],
                advice="Start one with ray start --head, or leave --address out.",
            ) from None

    def _count_slots(self, cores: int, gpus: float) -> int:
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        slots = sum(
            int(min(node.get("CPU", 0) / cores, node.get("GPU", 0) / gpus if gpus else 1e9))
            for node in nodes
        )
        if slots < 1:
            raise UserError(
                "no node of the cluster has room for a run",
                expected=f"{cores} cores and {gpus:g} GPUs on one node",
                received=", ".join(
                    f"{node.get('CPU', 0):g} cores and {node.get('GPU', 0):g} GPUs"
                    for node in nodes
                ),
            )
        return slots

    def _check_nodes(self, folder: Path) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        token = folder / f".seen-{uuid.uuid4().hex}"
        token.touch()
        try:
            for node in self._ray.nodes():
                if not node["Alive"]:
                    continue
                here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                look = self._ray.remote(num_cpus=0, scheduling_strategy=here)(_exists)
                if not self._ray.get(look.remote(str(token))):
                    raise UserError(
                        f"the node {node['NodeManagerHostname']} does not see {folder}",
                        advice="Put the study on a file system that all nodes share.",
                    )
        finally:
            token.unlink()


def _reach(address: str, timeout: float) -> None:
    """Refuse an address where nothing listens; Ray itself would try for minutes."""
    import socket

    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=timeout).close()
    except (OSError, ValueError) as error:
        raise UserError(
            f"no Ray cluster answers at {address}",
            received=str(error),
            advice="Start one with ray start --head, or leave --address out.",
        ) from None


def _run_job(job: Job) -> tuple[int, float]:
    start = time.monotonic()
    process = start_process(job)
    try:
        return process.wait(), time.monotonic() - start
    finally:
        end_process(process)


def _exists(path: str) -> bool:
    return Path(path).exists()
