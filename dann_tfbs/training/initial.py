"""Starting from the weights of another run."""

from __future__ import annotations

from dann_tfbs.config import Experiment
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import State, initial_state
from dann_tfbs.run_folder import find_runs, read_run


def initial_states(experiment: Experiment) -> list[State] | None:
    """Return the weights that each model starts from; None where seeds alone decide.

    Backbone and heads of the same names come from the run `initial`; further heads are drawn by the
    seeds. A folder of as many runs as there are models gives one to each; a single run serves all.

    Raises
    ------
    InputError
        If the run has another layout, or the number of runs fits neither way.
    """
    if experiment.initial is None:
        return None
    runs = [read_run(folder) for folder in find_runs(experiment.initial)]
    seeds = experiment.member_seeds
    if len(runs) not in (1, len(seeds)):
        raise InputError(
            f"there are {len(runs)} runs here for {len(seeds)} models.",
            path=experiment.initial,
            key="initial",
            remedy="Give one run, or as many as seeds.",
        )
    if len(runs) == 1:
        runs *= len(seeds)
    heads = experiment.network_heads
    states = []
    for run, seed in zip(runs, seeds, strict=True):
        state = initial_state(experiment.architecture, heads, seed)
        if run.experiment.architecture != experiment.architecture:
            raise InputError(
                "the run has another layout.",
                path=run.folder,
                key="initial",
                remedy="Set `architecture` as in its config.yaml.",
            )
        known = {key: value for key, value in run.weights.items() if key in state}
        states.append(state | known)
    return states
