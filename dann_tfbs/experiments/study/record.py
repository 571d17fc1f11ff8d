"""A study in MLflow: a parent run, and a child for every seed of every training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from dann_tfbs.errors import DannTfbsError
from dann_tfbs.experiments.comparison.write import MARKDOWN_FILE, PAGE_FILE
from dann_tfbs.experiments.recorded import finish_parent, record_outcome, start_study
from dann_tfbs.experiments.study_folder import outcome_folders
from dann_tfbs.experiments.tracked.store import chosen_uri, reached


class StudyRecord:
    """What MLflow is told of a study while it runs; its folder is complete without.

    Parameters
    ----------
    study
        The study's folder, with its file written.
    uri
        MLflow tracking URI; None means as `dann-tfbs train` chooses it.
    """

    def __init__(self, study: Path, uri: str | None = None) -> None:
        self.study = study
        self.uri = chosen_uri(uri)
        self.parent = start_study(study, self.uri)
        self._lost = False

    def add(self, training: Path) -> None:
        """Record the seeds of a finished training, given by its folder below `runs`.

        A store that no longer answers is left alone: to wait for it once more after each of
        hundreds of trainings would hold the study up.
        """
        if self.parent is None or self._lost:
            return
        if not record_outcome(training, self.uri, parent=self.parent):
            self._lost = not self._answers()

    def _answers(self) -> bool:
        try:
            reached(self.uri)
        except DannTfbsError:
            return False
        return True

    def finish(
        self, status: Literal["FINISHED", "FAILED", "KILLED"], counts: dict[str, float]
    ) -> None:
        """Record what an earlier, untracked run of the study left, the comparison, and the end.

        If the store does not answer, all this is left to `dann-tfbs track sync`.
        """
        if self.parent is None:
            return
        if self._lost and not self._answers():
            return
        self._lost = False
        for training in outcome_folders(self.study):
            self.add(training)
        files = [self.study / name for name in (MARKDOWN_FILE, PAGE_FILE)]
        finish_parent(
            self.uri,
            self.parent,
            status=status,
            metrics=counts,
            files=[file for file in files if file.is_file()],
            folder=self.study,
        )
