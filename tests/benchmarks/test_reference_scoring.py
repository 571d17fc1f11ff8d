"""The yardstick of the scoring speed writes what `dann-tfbs predict` writes."""

import numpy as np
from click.testing import CliRunner
from reference_loop import HEAD, ReferenceModel
from reference_scoring import score_file

from dann_tfbs.cli import app
from dann_tfbs.config import Experiment
from dann_tfbs.evaluation.predictions import read_predictions
from dann_tfbs.model.network import initial_state
from dann_tfbs.run_folder import write_run


def test_the_reference_and_the_package_write_the_same_scores(rng, tmp_path):
    data = {"tf": "MAX", "target": HEAD, "window": 30, "score_length": "own"}
    experiment = Experiment(architecture="double", data=data)
    state = initial_state(experiment.architecture, [HEAD], 0)
    state[f"heads.{HEAD}.logit.weight"] *= 20
    write_run(tmp_path / "run", experiment, state, state, {}, {})
    fasta = tmp_path / "s.fasta"
    texts = ["".join(rng.choice(list("ACGT"), 30)) for _ in range(520)]
    fasta.write_text("".join(f">s{n} x\n{t[:17]}\n{t[17:]}\n" for n, t in enumerate(texts)))

    model = ReferenceModel(experiment.architecture)
    model.load_network(state)
    score_file(model.eval(), fasta, tmp_path / "reference.tsv", "MAX")
    arguments = ["predict", tmp_path / "run", fasta, "--out", tmp_path / "package.tsv"]
    CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)

    ours, theirs = (read_predictions(tmp_path / f"{n}.tsv") for n in ("package", "reference"))
    assert ours.tags.equals(theirs.tags)
    assert np.ptp(ours.scores["MAX"]) > 0.1
    np.testing.assert_allclose(ours.scores["MAX"], theirs.scores["MAX"], atol=1.5e-5)
