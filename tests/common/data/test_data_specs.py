from __future__ import annotations

import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from common.data import specs
from common.errors import UserError

ALL = [
    specs.ListOpsSpec,
    specs.TextSpec,
    specs.RetrievalSpec,
    specs.ImageSpec,
    specs.PathfinderSpec,
    specs.DigitsSpec,
    specs.MnistSpec,
    specs.ChirpsSpec,
    specs.PulseSpec,
    specs.CtrSpec,
    specs.CtrStreamSpec,
    specs.CorpusSpec,
    specs.ReferenceLMSpec,
    specs.MiniLMSpec,
    specs.CodeLMSpec,
    specs.WordNetSpec,
    specs.GlueSpec,
    specs.GlossSpec,
    specs.FeaturesSpec,
    specs.TableColumnSpec,
]


def test_import_needs_the_standard_library_only():
    code = (
        "import sys; before = set(sys.modules); import common.data.specs; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(new - sys.stdlib_module_names - {'common'})"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert printed.strip() == "set()"


@pytest.mark.parametrize("spec", ALL)
def test_specs_are_structured_configs(spec):
    config = OmegaConf.structured(spec)
    assert OmegaConf.to_object(config) == spec()
    spec().validate()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (specs.ListOpsSpec(train=-1), "ListOpsSpec.train is -1; allowed: 1 or more"),
        (specs.ListOpsSpec(min_length=-5), "min_length is -5; allowed: 0 or more"),
        (specs.ListOpsSpec(min_length=500, max_length=501), "max_length is 501; allowed: 502"),
        (specs.ListOpsSpec(l_max=200), "l_max is 200; allowed: max_length=2000 or more"),
        (specs.ListOpsSpec(source="web"), "'generated' or 'tsv'"),
        (specs.TextSpec(l_max=0), "l_max is 0; allowed: 2 or more"),
        (specs.TextSpec(source="yelp"), "'imdb' or 'spamassassin'"),
        (specs.RetrievalSpec(copies=30), "copies is 30; allowed: at most l_max // key_length = 25"),
        (specs.RetrievalSpec(alphabet=27), "alphabet is 27"),
        (specs.RetrievalSpec(n_keys=5, alphabet=2, key_length=2), "n_keys is 5"),
        (specs.ImageSpec(downsample=3), "downsample is 3; allowed: 1 or 2 or 4"),
        (specs.ImageSpec(train=50_000), "train is 50000; allowed: 1..45000"),
        (specs.ImageSpec(grey=False), "'colour_s5ptd' or 'colour_s4' or 'none'"),
        (specs.PathfinderSpec(resolution=48), "resolution is 48; allowed: 32 or 64 or 128 or 256"),
        (specs.PathfinderSpec(contour_length=0), "contour_length is 0; allowed: 1 or more"),
        (specs.CtrSpec(source="kdd12"), "'movielens' or 'flights' or 'criteo' or 'avazu'"),
        (specs.CtrSpec(test_share=1.0), "test_share is 1.0; allowed: above 0 and below 1"),
        (specs.CtrSpec(rows=5, split="sklearn"), "'generator' where only a part of the rows"),
        (specs.CtrStreamSpec(largest=5), "largest is 5; allowed: smallest=10 or more"),
        (specs.CtrStreamSpec(bayes_auc=0.5), "bayes_auc is 0.5; allowed: above 0.5"),
        (
            specs.CorpusSpec(source="web"),
            "'stdlib' or 'stdlib_tests' or 'javascript' or 'humaneval'",
        ),
        (specs.CorpusSpec(python="3.9.1"), "python is '3.9.1'; allowed: '3.11.7' or ''"),
        (specs.CorpusSpec(vocabulary=256), "vocabulary is 256; allowed: 257 to 65536"),
        (specs.CorpusSpec(tokens="starcoder"), "vocabulary is 1024; allowed: 49152"),
        (specs.CodeLMSpec(name="starcoder-2b"), "name is 'starcoder-2b'"),
        (specs.CodeLMSpec(precision="int8"), "'float32' or 'float16' or 'bfloat16'"),
        (specs.ReferenceLMSpec(heads=5), "heads is 5; allowed: a divisor of width=192"),
        (specs.ReferenceLMSpec(judged_tokens=9), "judged_tokens is 9; allowed: 256 or more"),
        (specs.ReferenceLMSpec(lr=0), "lr is 0; allowed: above 0"),
        (specs.DigitsSpec(train=1_797), "allowed: 1797 or fewer"),
    ],
)
def test_what_cannot_be_is_refused_with_what_is_allowed(spec, message):
    with pytest.raises(UserError) as caught:
        spec.validate()
    assert message in str(caught.value)
