"""Where the profile of a training step puts its time."""

import re
import time

import pytest
import step_profile


def test_the_profile_names_the_parts_of_both_loops(capsys):
    step_profile.print_profile("double", ["plain"], [1], 320)
    cells = [line.split("|")[1:4] for line in capsys.readouterr().out.splitlines() if "|" in line]
    shares = {row[0].strip(): re.findall(r"\((\d+)%\)", "".join(row)) for row in cells}
    for part in ("forward", "backward", "optimiser"):
        assert all(int(share) > 0 for share in shares[part]), part
    assert sum(int(share) for row in shares.values() for share in row) == pytest.approx(200, abs=10)


def test_all_time_between_start_and_stop_is_put_down_to_something():
    sampler = step_profile.Sampler()
    began = time.thread_time()
    sampler.start()
    while time.thread_time() < began + 0.02:
        sum(range(1000))
    sampler.stop()
    assert set(sampler.seconds) == {"rest"}
    assert 0 < sampler.total < time.thread_time() - began
