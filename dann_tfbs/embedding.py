"""What a trained model's backbone makes of sequences, as its heads see it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dann_tfbs import sequence
from dann_tfbs.errors import InputError
from dann_tfbs.model.scoring import BATCH, fitted_to_window
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
    if (sequences.lengths == 0).any():
        row = int(np.argmax(sequences.lengths == 0)) + 1
        raise InputError(f"sequence {row} has no bases.", remedy="Remove it.")
    experiment = model.experiment
    fitted = fitted_to_window(
        sequences, experiment.data.training_window, experiment.data.score_length
    )
    both = experiment.prediction.strands != "forward"
    shape = (len(fitted), model.network.members, model.network.architecture.channels)
    result = np.empty(shape, dtype=np.float32)
    order = np.argsort(fitted.lengths, kind="stable")  # batches of similar lengths: little filling
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        part = fitted.take(rows)
        part = Sequences(part.codes[:, : int(part.lengths.max())], part.lengths)
        result[rows] = _of_batch(model, part)
        if both:
            opposite = _of_batch(model, sequence.reverse_complement(part))
            result[rows] = (result[rows] + opposite) / 2
    return result


@torch.inference_mode()
def _of_batch(model: TrainedModel, part: Sequences) -> NDArray[np.float32]:
    network = model.network
    device = next(network.parameters()).device
    codes = torch.from_numpy(np.ascontiguousarray(part.codes)).to(device)
    lengths = torch.from_numpy(part.lengths).to(device)
    ragged = lengths if (part.lengths != part.width).any() else None
    encoded = network.encode(codes[:, None].expand(-1, network.members, -1), ragged)
    average: NDArray[np.float32] = encoded.average.cpu().numpy()
    return average
