"""What a trained model's backbone makes of sequences, as its heads see it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.model.network import Network
from dann_tfbs.model.scoring import by_length, check_bases, encode, fitted_to_window
from dann_tfbs.sequence import Sequences
from dann_tfbs.trained import TrainedModel


def embeddings(model: TrainedModel, sequences: Sequences) -> NDArray[np.float32]:
    """Return the features of each sequence, averaged over its positions and its strands.

    Sequences are brought to the length at which the run scores them. A run that scores the given
    strand only (`strands: forward`) is embedded by that strand; where strands are joined by their
    mean, a linear head gives the run's own logit from this embedding.

    Parameters
    ----------
    model
        A run or an ensemble (`dann_tfbs.load`).
    sequences
        Sequences of any lengths from 1 on.

    Returns
    -------
    numpy.ndarray
        `float32`, shape (n, members, channels). The channels of two members have nothing in
        common: never average over members.

    Raises
    ------
    InputError
        If a sequence has no bases.
    """
    check_bases(sequences)
    experiment = model.experiment
    fitted = fitted_to_window(
        sequences, experiment.data.training_window, experiment.data.score_length
    )
    both = experiment.prediction.strands != "forward"
    shape = (len(fitted), model.network.members, model.network.architecture.channels)
    result = np.empty(shape, dtype=np.float32)
    for rows, part in by_length(fitted):
        result[rows] = _of_batch(model.network, part)
        if both:
            opposite = _of_batch(model.network, sequence.reverse_complement(part))
            result[rows] = (result[rows] + opposite) / 2
    return result


@torch.inference_mode()
def _of_batch(network: Network, part: Sequences) -> NDArray[np.float32]:
    average: NDArray[np.float32] = encode(network, part).average.cpu().numpy()
    return average
