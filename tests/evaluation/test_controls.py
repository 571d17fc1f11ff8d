import numpy as np
import pytest

from dann_tfbs import sequence
from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.controls import GcContent, KmerLogistic
from dann_tfbs.evaluation.metrics import auroc


def planted(n, length, rng, core="TGACTCA"):
    """Return random sequences, the first half of which holds the core on either strand."""
    codes = rng.integers(0, 4, (n, length)).astype(np.uint8)
    motif = sequence.encode([core])
    strands = [motif.codes[0], sequence.reverse_complement(motif).codes[0]]
    for row in range(n // 2):
        start = rng.integers(0, length - len(core) + 1)
        codes[row, start : start + len(core)] = strands[row % 2]
    return sequence.from_codes(codes), np.arange(n) < n // 2


def test_gc_takes_the_direction_of_the_training_data():
    rich, poor = sequence.encode(["GGCC", "ATGC"]), sequence.encode(["AATT", "ATGC"])
    labels = [1, 0]
    assert GcContent().fit(rich, labels).score(rich).tolist() == [1.0, 0.5]
    assert GcContent().fit(poor, labels).score(rich).tolist() == [-1.0, -0.5]


def test_kmers_find_a_planted_core_at_another_length():
    rng = np.random.default_rng(0)
    train, labels = planted(1500, 100, rng)
    test, truth = planted(600, 36, rng)
    control = KmerLogistic().fit(train, labels)
    assert auroc(control.score(test), truth) > 0.9
    assert auroc(GcContent().fit(train, labels).score(test), truth) < 0.65


def test_kmers_learn_nothing_from_permuted_labels():
    rng = np.random.default_rng(1)
    train, labels = planted(1500, 60, rng)
    test, truth = planted(600, 60, rng)
    control = KmerLogistic(4).fit(train, rng.permutation(labels))
    assert 0.35 < auroc(control.score(test), truth) < 0.65


def test_both_strands_score_alike_and_fits_repeat():
    rng = np.random.default_rng(2)
    train, labels = planted(200, 40, rng)
    first = KmerLogistic(5).fit(train, labels).score(train)
    again = KmerLogistic(5).fit(train, labels)
    np.testing.assert_array_equal(first, again.score(train))
    np.testing.assert_allclose(first, again.score(sequence.reverse_complement(train)), rtol=1e-5)


@pytest.mark.parametrize("control", [GcContent(), KmerLogistic()])
def test_controls_need_both_classes_and_a_fit(control):
    sequences = sequence.encode(["ACGTACGT", "TTTTAAAA"])
    with pytest.raises(ValueError, match="fit the control"):
        control.score(sequences)
    with pytest.raises(InputError, match="2 positives and 0 negatives"):
        control.fit(sequences, [1, 1])
