import os

import psutil
import pytest

from dann_tfbs.experiments.tracked.system_metrics import SystemMetrics


def test_samples_have_mlflows_names_and_units(tmp_path):
    machine = SystemMetrics(tmp_path / "not" / "yet")
    sum(number * number for number in range(300_000))  # some ticks of the CPU's clock
    found = machine.sample()
    assert {
        "system/cpu_utilization_percentage",
        "system/system_memory_usage_megabytes",
        "system/system_memory_usage_percentage",
        "system/disk_available_megabytes",
        "system/process_memory_megabytes",
        "system/process_cpu_seconds",
    } <= found.keys()
    assert 0 < found["system/cpu_utilization_percentage"] <= 100
    rss = psutil.Process(os.getpid()).memory_info().rss / 1e6
    assert found["system/process_memory_megabytes"] == pytest.approx(rss, rel=0.2)
    times = psutil.Process(os.getpid()).cpu_times()
    assert found["system/process_cpu_seconds"] == pytest.approx(times.user + times.system, abs=0.5)
