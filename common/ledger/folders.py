"""Where the ledger reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.errors import UserError
from common.ledger.kept import KEPT


@dataclass(frozen=True)
class Folders:
    """Places of one checkout.

    Attributes:
        papers: holds ``<id>/claims.yaml`` and ``<id>/README.md``.
        results: holds what was measured and made of it, kept in git.
        outputs: holds the runs' folders, not kept in git.
        comparisons: holds ``<name>.yaml``, tables of rows from several papers.
        pins: ``data.dvc``, the versions of the data sets.
    """

    papers: Path
    results: Path
    outputs: Path
    comparisons: Path = Path("comparisons")
    pins: Path = Path("data.dvc")

    @classmethod
    def default(cls) -> Folders:
        """Those of this checkout; runs are in the working directory, as ``run.py`` leaves them.

        An installed copy keeps its results there too.
        """
        from common.experiment.paths import COMMON, PAPERS

        checkout = COMMON.parent if (COMMON.parent / "conf").is_dir() else Path()
        return cls(
            PAPERS,
            checkout / "results",
            Path("outputs"),
            checkout / "comparisons",
            checkout / "data.dvc",
        )

    @property
    def root_readme(self) -> Path:
        """The README with the table of papers."""
        return self.papers.parent / "README.md"

    def claims(self, paper: str) -> Path:
        """The claims of a paper."""
        return self.papers / paper / "claims.yaml"

    def readme(self, paper: str) -> Path:
        """A paper's README."""
        return self.papers / paper / "README.md"

    def runs(self, paper: str) -> Path:
        """What was measured, with all that says whether it still counts."""
        return self.results / "runs" / f"{paper}.json"

    def figures(self, paper: str) -> Path:
        """One line for each run and metric."""
        return self.results / f"{paper}.csv"

    def summary(self, paper: str) -> Path:
        """Means over seeds, and verdicts."""
        return self.results / f"{paper}.json"

    def curves(self, paper: str) -> Path:
        """Means over seeds of what was followed through the epochs."""
        return self.results / "curves" / f"{paper}.csv"

    def inputs(self, paper: str) -> Path:
        """What the results depend on."""
        return self.results / "inputs" / f"{paper}.json"

    @property
    def kept(self) -> Path:
        """What is kept between calls and costs only time if it is lost."""
        return self.outputs / KEPT

    def plan(self, paper: str) -> Path:
        """The runs that a paper's claims call for, as they were composed last."""
        return self.results / "plans" / f"{paper}.json"

    @property
    def data_sets(self) -> Path:
        """Which sets the claims' runs need, as they were composed last."""
        return self.results / "plans" / "data_sets.json"

    def standing(self, paper: str, scale: str) -> Path:
        """The outcome of ``status``."""
        return self.kept / "standing" / scale / f"{paper}.json"

    def comparison(self, name: str) -> Path:
        """What a comparison compares.

        Raises:
            UserError: there is none of this name.
        """
        known = sorted(path.stem for path in self.comparisons.glob("*.yaml"))
        if name not in known:
            raise UserError(f"No comparison {name!r}; there are: {', '.join(known) or 'none'}.")
        return self.comparisons / f"{name}.yaml"

    def comparison_page(self, name: str) -> Path:
        """The table of a comparison."""
        return self.results / "comparisons" / f"{name}.md"

    def comparison_times(self, name: str) -> Path:
        """Its step times, measured one after the other with nothing else running."""
        return self.results / "comparisons" / f"{name}_times.csv"

    def with_claims(self) -> list[str]:
        """Ids of the papers that have claims."""
        return sorted(path.parent.name for path in self.papers.glob("*/claims.yaml"))

    def chosen(self, papers: list[str]) -> list[str]:
        """``papers``, or all when none is named.

        Raises:
            UserError: one has no claims.
        """
        known = self.with_claims()
        if not known:
            raise UserError(f"No paper under {self.papers} has a claims.yaml.")
        for paper in papers:
            if paper not in known:
                raise UserError(
                    f"{self.claims(paper)} does not exist. Papers with claims: {', '.join(known)}."
                )
        return list(dict.fromkeys(papers)) or known
