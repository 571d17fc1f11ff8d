"""How busy the machine and this process are, under MLflow's own names and units."""

from __future__ import annotations

from pathlib import Path

import psutil

_MEGABYTE = 1e6
"""MLflow's megabyte."""


class SystemMetrics:
    """Samples of the machine and of this process.

    MLflow's own monitor is a thread that is switched on for the whole process; this one is asked.

    Parameters
    ----------
    folder
        A folder on the disk whose space is told.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = next(
            one for one in (folder.resolve(), *folder.resolve().parents) if one.exists()
        )
        self._process = psutil.Process()
        self._cpu = _cpu_seconds()
        self._network = psutil.net_io_counters()

    def sample(self) -> dict[str, float]:
        """Return the present values; of the CPU, the mean since the last sample.

        Returns
        -------
        dict
            Percentages, megabytes (10⁶ bytes; of the network, since the start) and, of this
            process, resident memory in megabytes and CPU seconds spent so far.
        """
        before, self._cpu = self._cpu, _cpu_seconds()
        busy, whole = (now - then for now, then in zip(self._cpu, before, strict=True))
        memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(self._folder))
        own = self._process.cpu_times()
        found = {
            "system_memory_usage_megabytes": memory.used / _MEGABYTE,
            "system_memory_usage_percentage": 100 * memory.used / memory.total,
            "disk_usage_percentage": disk.percent,
            "disk_usage_megabytes": disk.used / _MEGABYTE,
            "disk_available_megabytes": disk.free / _MEGABYTE,
            "process_memory_megabytes": self._process.memory_info().rss / _MEGABYTE,
            "process_cpu_seconds": own.user + own.system,
        }
        if whole > 0:  # the clock of the CPU ticks 100 times a second
            found["cpu_utilization_percentage"] = 100 * busy / whole
        network = psutil.net_io_counters()
        if network is not None and self._network is not None:  # there may be none at all
            received = network.bytes_recv - self._network.bytes_recv
            sent = network.bytes_sent - self._network.bytes_sent
            found["network_receive_megabytes"] = received / _MEGABYTE
            found["network_transmit_megabytes"] = sent / _MEGABYTE
        return {f"system/{name}": round(value, 2) for name, value in found.items()}


def _cpu_seconds() -> tuple[float, float]:
    """Return busy and all seconds of all CPUs."""
    times = psutil.cpu_times()
    # Guest time is counted in user time already.
    whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    idle = times.idle + getattr(times, "iowait", 0.0)
    return whole - idle, whole
