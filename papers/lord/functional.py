"""Functional correctness: whether generated code does what its tests ask (Chen et al. 2021)."""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import tempfile

from common.data.source_texts import Problem
from common.errors import InvalidInputError

# Where a function has ended: what starts a line that is not indented.
STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint", "\n@", "\nimport", "\nfrom")
_MEMORY = 1 << 30


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Unbiased estimate of the probability that one of k samples is right: 1 - C(n-c, k) / C(n, k).

    Raises:
        InvalidInputError: fewer samples than k, or more right ones than samples.
    """
    if not 1 <= k <= samples or not 0 <= correct <= samples:
        raise InvalidInputError(
            f"samples={samples}, correct={correct}, k={k}; allowed: k from 1 to the samples, "
            "correct from 0 to the samples."
        )
    return 1 - math.comb(samples - correct, k) / math.comb(samples, k)


def until_stop(text: str) -> str:
    """A continuation up to where the function has ended."""
    ends = [place for stop in STOPS if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def ended(text: str) -> bool:
    """Whether a continuation holds such a place."""
    return any(stop in text for stop in STOPS)


def passes(problem: Problem, continuation: str, seconds: float = 5.0) -> bool:
    """Run the problem's tests on a continuation, in a process of its own.

    The code is run: the process has no input, an empty folder, an environment without variables, no
    user's packages, and limits of time and memory, but the same rights as this one. Whoever calls
    this with code of a model's should do so in a container without a network.
    """
    program = "\n".join(
        [problem.prompt + continuation, problem.test, f"check({problem.entry})", ""]
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", program],
                cwd=folder,
                env={},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                preexec_fn=_limited(seconds),
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def _limited(seconds: float):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        whole = math.ceil(seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    return limit
