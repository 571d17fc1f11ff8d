"""From runs to a submission: an AAA table for each assay, a column for each TF."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dann_tfbs.config import Experiment
from dann_tfbs.data.scoring_input import read_scoring_input
from dann_tfbs.errors import InputError
from dann_tfbs.files import write_json
from dann_tfbs.run_folder import CONFIG_FILE, find_runs
from dann_tfbs.scorers import run_scorer
from dann_tfbs.settings import read_yaml, validated
from dann_tfbs.submission.aaa import check_aaa
from dann_tfbs.submission.expected import Expected, read_expected
from dann_tfbs.submission.findings import Findings
from dann_tfbs.submission.participants import repeated_records, without_records
from dann_tfbs.submission.question import ask
from dann_tfbs.submission.streaming import score_file
from dann_tfbs.threads import available_cores

TfsOfAssays = Mapping[str, Sequence[str]]
"""TFs of the benchmark, by assay."""


@dataclass(frozen=True)
class Made:
    """One table of a submission.

    Attributes
    ----------
    assay
        Its code.
    path
        The table, `<ASSAY>_aaa.tsv`; `<ASSAY>_aaa.json` beside it says what it was made of.
    runs
        The run folder (or folder of runs) of each TF.
    findings
        What the check of the finished table found; warnings only.
    """

    assay: str
    path: Path
    runs: dict[str, Path]
    findings: Findings


def make_submission(
    runs: Sequence[Path],
    participants: Mapping[str, Path],
    out: Path,
    *,
    tfs: TfsOfAssays | None = None,
    strands: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Made]:
    """Make an AAA table for each assay that runs predict.

    Every sequence is read once and scored for all TFs of its assay. An interrupted call goes on
    where it stopped when it is made again; finished tables of the same runs and sequences stay.

    Parameters
    ----------
    runs
        A run, or a folder of runs (an ensemble), for each TF and assay; both are in its settings.
    participants
        The sequences of each assay, FASTA.
    out
        Folder of the tables.
    tfs
        TFs of the benchmark, where known: those without a run are told, others refused. Else all
        TFs that have a run for any assay.
    strands, device, threads
        As `dann-tfbs predict`.
    say
        Takes lines for the user.

    Raises
    ------
    InputError
        If two runs are of one TF and assay, a run names no TF or one that the benchmark does not
        have, an assay has no sequences, or a table fails the check.
    OutputError
        If a table cannot be written.
    """
    grouped = runs_by_assay(runs)
    for code, own in grouped.items():
        _refuse_unusable(code, own, participants, tfs)
    everywhere = list(dict.fromkeys(tf for own in grouped.values() for tf in own))
    for code in participants:
        if code not in grouped:
            say(f"{code}: no run predicts this assay; there will be no table.")
    made = []
    for code in participants:
        if code not in grouped:
            continue
        wanted = list((tfs or {}).get(code, everywhere))
        own = {tf: grouped[code][tf] for tf in wanted if tf in grouped[code]}
        path = out / f"{code}_aaa.tsv"
        _write(path, participants[code], own, strands, device, threads, say)
        expected = read_expected(participants[code], wanted)
        made.append(Made(code, path, own, _checked(path, expected)))
    return made


def runs_by_assay(runs: Sequence[Path]) -> dict[str, dict[str, Path]]:
    """Return the runs by target assay and TF, as their settings name them.

    Raises
    ------
    InputError
        If a run names no TF, or two are of one TF and assay.
    """
    grouped: dict[str, dict[str, Path]] = {}
    for run in runs:
        config = find_runs(run)[0] / CONFIG_FILE
        data = validated(Experiment, read_yaml(config), str(config)).data
        if data.tf is None:
            raise InputError(
                "names no TF.", path=config, key="data.tf", remedy="Name it in the settings."
            )
        own = grouped.setdefault(data.target, {})
        if data.tf in own:
            raise InputError(
                f"predicts {data.tf} in {data.target}, as {own[data.tf]} does.",
                path=run,
                remedy="Name one; runs of one folder are joined as an ensemble.",
            )
        own[data.tf] = run
    return grouped


def _refuse_unusable(
    code: str,
    own: Mapping[str, Path],
    participants: Mapping[str, Path],
    tfs: TfsOfAssays | None,
) -> None:
    first = next(iter(own.values()))
    if code not in participants:
        raise InputError(
            f"predicts {code}, of which there are no participants' sequences.",
            path=first,
            remedy=f"Add --fasta {code}_participants.fasta, or leave the run out.",
        )
    known = (tfs or {}).get(code)
    for tf, run in own.items():
        if known is not None and tf not in known:
            raise InputError(
                f"predicts {tf}, which the benchmark of {code} does not have.",
                path=run,
                remedy=f"Its TFs are {', '.join(known)}.",
            )


def _write(
    path: Path,
    fasta: Path,
    runs: Mapping[str, Path],
    strands: str | None,
    device: str,
    threads: int | None,
    say: Callable[[str], None],
) -> None:
    columns, folders = list(runs), list(runs.values())
    question = ask(fasta, columns, folders, strands=strands, device=device, rows="one a tag")
    note = path.with_suffix(".json")
    if _is_there(path, note, question):
        say(f"{path}: is there already, of the same runs and sequences.")
        return
    left_out = repeated_records(fasta)
    if len(left_out):
        say(f"{fasta}: {len(left_out)} records repeat a tag and its sequence; one row a tag.")
    scorers = [run_scorer([run], strands, device) for run in folders]
    rows = score_file(
        path,
        columns,
        question,
        lambda: without_records(read_scoring_input(fasta), left_out),
        scorers,
        threads or available_cores(),
        say,
    )
    write_json(note, {"question": question, "rows": rows, "bytes": path.stat().st_size})


def _is_there(path: Path, note: Path, question: dict[str, Any]) -> bool:
    try:
        left = json.loads(note.read_text("utf-8"))
        whole = path.stat().st_size == left["bytes"]
        return whole and bool(left["question"] == json.loads(json.dumps(question)))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _checked(path: Path, expected: Expected) -> Findings:
    findings = check_aaa(path, expected)
    if findings.errors:
        worst = next(found for found in findings.problems if found.severity == "error")
        raise InputError(
            f"the table that was made fails the check ({findings.errors} errors): {worst.text}",
            path=path,
            line=worst.line,
            remedy=f"`dann-tfbs submit validate {path}` shows all of them.",
        )
    return findings
