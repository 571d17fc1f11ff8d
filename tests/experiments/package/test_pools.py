"""Participants' sequences as unlabelled pools."""

import numpy as np

from dann_tfbs import sequence
from dann_tfbs.experiments.package.pools import pool_of


def participants(tmp_path, n=50):
    codes = np.random.default_rng(0).integers(0, 4, (n, 12), dtype=np.uint8)
    texts = sequence.decode(sequence.from_codes(codes))
    path = tmp_path / "HTS_participants.fasta"
    path.write_text("".join(f">tag{i}\n{text}\n" for i, text in enumerate(texts)))
    return path, texts


def test_few_sequences_are_used_as_they_are(tmp_path):
    path, _ = participants(tmp_path)
    assert pool_of(path, "HTS", tmp_path, most=50) == path


def test_of_many_a_sample_is_drawn_once(tmp_path):
    path, texts = participants(tmp_path)
    sample = pool_of(path, "HTS", tmp_path / "first", most=20)
    drawn = sample.read_text().split()
    assert len(set(drawn)) == 20
    assert [text for text in texts if text in drawn] == drawn
    again = pool_of(path, "HTS", tmp_path / "second", most=20)
    assert again.read_bytes() == sample.read_bytes()
    other = pool_of(path, "SMS", tmp_path / "second", most=20)
    assert other.read_bytes() != sample.read_bytes()
