"""Where everything of a package lies: training files, participants' sequences, wanted TFs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dann_tfbs.assays import ASSAYS
from dann_tfbs.data.sources import discover
from dann_tfbs.errors import InputError
from dann_tfbs.experiments.package.tracks import (
    OFFICIAL_TFS,
    Stage,
    Track,
    source_assays_of,
    target_assays_of,
)
from dann_tfbs.submission.expected import tfs_of
from dann_tfbs.submission.participants import find_benchmarks, find_participants, of_stage


@dataclass(frozen=True)
class Package:
    """What one track of a package offers and asks for.

    Attributes
    ----------
    track, stage
        Which part of the challenge.
    data
        The folder whose `train/` is read (or that holds the assays itself).
    files
        Training files of each TF, by TF and assay, of the assays that the track trains on.
    participants
        The sequences to be scored, by assay.
    wanted
        TFs of the `benchmark.json` of an assay, where there is one.
    libraries
        Libraries of the same assays that negatives are drawn from.
    """

    track: Track
    stage: Stage
    data: Path
    files: dict[str, dict[str, tuple[Path, ...]]]
    participants: dict[str, Path]
    wanted: dict[str, tuple[str, ...]]
    libraries: tuple[Path, ...] = ()

    def tfs_for(self, target: str) -> list[str]:
        """Return the TFs of an assay: those of its benchmark, else all with training data."""
        return list(self.wanted.get(target, self.files))

    def tasks(self, tfs: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Return TF and target assay of everything that can be trained.

        Parameters
        ----------
        tfs
            Only these; none means all.

        Raises
        ------
        InputError
            If a TF is named that has no training data, or nothing is left.
        """
        unknown = [tf for tf in tfs if tf not in self.files]
        if unknown:
            raise InputError(
                f"there are no training data of {', '.join(unknown)}.",
                path=self.data,
                key="--tf",
                remedy=f"There are data of {', '.join(self.files)}.",
            )
        # Targets outermost: workers that begin at once prepare different TFs.
        found = [
            (tf, target)
            for target in self.participants
            for tf in self.tfs_for(target)
            if tf in self.files and (not tfs or tf in tfs)
        ]
        if not found:
            raise InputError(
                "no TF with training data is among those of a benchmark.json.",
                path=self.data,
                remedy="Check --track and --stage.",
            )
        return found

    def remarks(self) -> list[str]:
        """Return what is odd about the package and does not keep anybody from using it."""
        named = OFFICIAL_TFS[self.track, self.stage]
        found = []
        unknown = [tf for tf in self.files if tf not in named]
        absent = [tf for tf in named if tf not in self.files]
        stage = f"{self.track} {self.stage}"
        if unknown:
            found.append(f"Not among the TFs of {stage}: {', '.join(unknown)}.")
        if absent and len(absent) < len(named):
            found.append(f"TFs of {stage} without training data: {', '.join(absent)}.")
        missing = [code for code in target_assays_of(self.track) if code not in self.participants]
        if missing:
            found.append(f"No participants' sequences of {', '.join(missing)}: not predicted.")
        for code, tfs in self.wanted.items():
            lacking = [tf for tf in tfs if tf not in self.files]
            if lacking:
                found.append(f"Wanted in {code}, without training data: {', '.join(lacking)}.")
        return found


def find_package(root: Path, track: Track, stage: Stage) -> Package:
    """Find the files of a track and stage, wherever they lie in a folder.

    Training files are `train/<ASSAY>/<TF>/…` at any depth (or `<ASSAY>/<TF>/…` in `root` itself);
    participants' sequences and benchmarks as `dann-tfbs submit make` finds them. Where a folder is
    called after the stage, only what lies in it is used.

    Raises
    ------
    InputError
        If something is missing, or there are several of one kind.
    """
    if not root.is_dir():
        raise InputError("is no folder.", path=root, remedy="Give the folder of the package.")
    data = _training_folder(root, stage)
    files: dict[str, dict[str, tuple[Path, ...]]] = {}
    libraries = []
    for source in discover(data):
        if source.assay not in source_assays_of(track):
            continue
        if source.role != "positive":
            libraries.append(source.path)
        elif source.tf:
            own = files.setdefault(source.tf, {})
            own[source.assay] = (*own.get(source.assay, ()), source.path)
    if not files:
        raise InputError(
            f"there are no training data of {', '.join(source_assays_of(track))}.",
            path=data,
            key="--track",
            remedy=f"{track} trains on them; is it the other track?",
        )
    targets = target_assays_of(track)
    participants = {
        code: path for code, path in find_participants(root, stage).items() if code in targets
    }
    if not participants:
        raise InputError(
            f"there is no <ASSAY>_participants.fasta of {', '.join(targets)}.",
            path=root,
            key="--track",
            remedy=f"{track} predicts them; add the folder of the test data.",
        )
    wanted = {code: tfs_of(path) for code, path in _benchmarks(root, stage, participants).items()}
    found = dict(sorted(files.items()))
    return Package(track, stage, data, found, participants, wanted, tuple(libraries))


def find_genome(root: Path, package: Package, given: Path | None) -> Path | None:
    """Return the genome that peaks and negatives are cut from; None where none is needed or given.

    Raises
    ------
    InputError
        If it is needed and not there.
    """
    if given is not None:
        if not given.is_file():
            raise InputError("there is no such file.", path=given, key="--genome")
        return given
    if package.track == "A2G":
        return None
    for place in (package.data / "genome.fa", root / "genome.fa"):
        if place.is_file():
            return place
    raise InputError(
        "there is no genome.fa, and peaks are places in a genome.",
        path=root,
        key="--genome",
        remedy="Name its FASTA (hg38 for the data of IBIS), plain or bgzip.",
    )


def _training_folder(root: Path, stage: Stage) -> Path:
    trains = [path for path in sorted(root.rglob("train")) if _holds_assays(path)]
    found = [path.parent for path in of_stage(trains, root, stage)]
    if _holds_assays(root):
        found.append(root)
    if not found:
        raise InputError(
            "there is no train/<ASSAY>/<TF>/ here.",
            path=root,
            remedy="Give the folder of the package; `dann-tfbs download ibis` makes one.",
        )
    if len(found) > 1:
        places = ", ".join(str(path.relative_to(root)) or "." for path in found)
        raise InputError(
            f"there are several sets of training data ({places}).",
            path=root,
            key="--ibis-root",
            remedy="Give the folder of one of them, or call theirs Leaderboard and Final.",
        )
    return found[0]


def _holds_assays(folder: Path) -> bool:
    return any((folder / code).is_dir() for code in ASSAYS)


def _benchmarks(root: Path, stage: Stage, participants: dict[str, Path]) -> dict[str, Path]:
    found = find_benchmarks(root, stage)
    for code in participants:
        if code in found:
            continue
        every = sorted(root.rglob("benchmark.json"))
        named = [path for path in every if code in path.relative_to(root).parts]
        several = of_stage(named, root, stage)
        if several:
            places = ", ".join(str(path.relative_to(root)) for path in several)
            raise InputError(
                f"there are several benchmark.json of {code} ({places}).",
                path=root,
                key="--stage",
                remedy="Keep one, or put each into a folder called after its stage.",
            )
    return {code: found[code] for code in participants if code in found}
