"""All files of the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from common.ledger.folders import Folders
from common.ledger.report import comparison
from common.ledger.report.correction import errata_page
from common.ledger.report.folder import replacing_folder, write
from common.ledger.report.overview import overview_page
from common.ledger.report.paper import curves, paper_page, readme
from common.ledger.report.pictures import copied, pictures
from common.ledger.update import PaperLedger

_ASSETS = Path(__file__).parent / "assets"
_SHARED = ("style.css", "script.js")


def write_report(ledgers: Iterable[PaperLedger], folders: Folders, target: Path) -> Path:
    """Write the report in place of ``target``, whole or not at all; returns its first page.

    The same ledgers give the same bytes.

    Raises:
        UserError: ``target`` is there and is no report, or the learning curves cannot be read.
    """
    files = _files(list(ledgers), folders)
    with replacing_folder(target) as folder:
        for name, content in files.items():
            write(folder / name, content)
    return target / "index.html"


def _files(ledgers: Sequence[PaperLedger], folders: Folders) -> dict[str, bytes]:
    files = {name: (_ASSETS / name).read_bytes() for name in _SHARED}
    files["index.html"] = overview_page(ledgers, folders).encode()
    files["errata.html"] = errata_page(ledgers).encode()
    files[comparison.NAME] = comparison.comparisons_page(folders).encode()
    figures = folders.results / "figures"
    for path in comparison.comparison_pages(folders):
        for shown in comparison.pictures_of(path):
            if (figures / shown).is_file():
                files[f"figures/{shown}"] = (figures / shown).read_bytes()
    for ledger in ledgers:
        paper = ledger.plan.paper
        files[f"{paper}.html"] = paper_page(ledger, folders).encode()
        for picture in pictures(folders.results / "figures" / paper):
            files[copied(paper, picture)] = picture.read_bytes()
        sources = {readme(paper): folders.readme(paper), curves(paper): folders.curves(paper)}
        files |= {name: path.read_bytes() for name, path in sources.items() if path.is_file()}
    return files
