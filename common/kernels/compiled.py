"""The diagonal scan as machine code, compiled at first use where a C compiler is found.

Nothing depends on it: without a compiler, with ``STRUCTLAB_COMPILED=0``, or after any failure the
torch code runs instead, and :func:`status` tells why. The library is kept in the user's cache
directory under a hash of source, flags, compiler and processor, so that neither an update nor a
home directory shared between machines meets a stale one.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch

SWITCH = "STRUCTLAB_COMPILED"
_SOURCE = Path(__file__).with_name("diagonal_scan.c")
_REALS = {torch.float32: "float", torch.float64: "double"}
_FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-shared")
_TUNINGS = ("-march=native", "-mcpu=native", None)  # what a compiler does not know, it refuses
_TIME_LIMIT = 60  # seconds for one compilation


class ScanJob(ctypes.Structure):
    """``struct job`` of ``diagonal_scan.c``, where the fields are explained. It holds bare
    addresses: the tensors have to be kept alive beside it."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("decay", "inputs", "outputs", "added", "factors")),
        *((name, ctypes.c_void_p) for name in ("sums", "carry")),
        *((name, ctypes.c_long) for name in ("state", "sequences", "steps", "products")),
        *((name, ctypes.c_long) for name in ("imaginary", "row", "factor_row")),
        *((name, ctypes.c_long) for name in ("sequence", "factor_sequence", "fresh")),
    )


def scan_function(dtype: torch.dtype):
    """``structlab_scan`` of ``diagonal_scan.c`` for float32 or float64, or None."""
    return _load(_REALS[dtype], os.environ.get(SWITCH, "1"))[0]


def status(dtype: torch.dtype = torch.float32) -> str:
    """``compiled: <path>`` or ``torch: <reason>``."""
    return _load(_REALS[dtype], os.environ.get(SWITCH, "1"))[1]


@functools.cache
def _load(real, switch):
    if switch.lower() in ("0", "false", "off", "no"):
        return None, f"torch: switched off by {SWITCH}={switch}"
    try:
        path = _build(real)
        function = ctypes.CDLL(str(path)).structlab_scan
    except (OSError, subprocess.SubprocessError, AttributeError) as error:
        return None, f"torch: {error}"
    function.argtypes = (ctypes.c_void_p,)
    function.restype = None
    return function, f"compiled: {path}"


def _build(real):
    names = [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc", "clang"]
    compiler = next(filter(None, map(shutil.which, names)), None)
    if compiler is None:
        raise FileNotFoundError(f"no C compiler: {', '.join(names)}")
    version = subprocess.run(
        [compiler, "--version"], capture_output=True, check=True, timeout=_TIME_LIMIT
    ).stdout
    key = hashlib.sha256(_SOURCE.read_bytes())
    for part in (version, real.encode(), " ".join(_FLAGS).encode(), _processor().encode()):
        key.update(b"\0" + part)
    path = _cache_directory() / f"diagonal_scan-{real}-{key.hexdigest()[:20]}.so"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _compile(compiler, real, path)
    return path


def _compile(compiler, real, path):
    message = ""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        output = Path(scratch) / path.name
        for tuning in _TUNINGS:
            flags = [*_FLAGS, *([tuning] if tuning else []), f"-DREAL={real}"]
            done = subprocess.run(
                [compiler, *flags, str(_SOURCE), "-o", str(output)],
                capture_output=True,
                text=True,
                timeout=_TIME_LIMIT,
            )
            if done.returncode == 0:
                os.replace(output, path)  # processes that race each install a whole file
                return
            message = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
    raise OSError(f"{compiler} failed: {message[0]}")


def _cache_directory() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "structlab" / "kernels"


def _processor() -> str:
    """What -march=native depends on."""
    flags = ""
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((x for x in file if x.startswith(("flags", "Features"))), "")
    except OSError:
        pass  # not Linux: the names below have to do
    return f"{platform.machine()} {platform.processor()} {flags}"
