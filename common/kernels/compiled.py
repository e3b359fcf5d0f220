"""The diagonal scan as machine code, compiled at first use where a C compiler is found.

Nothing depends on it: without a compiler, with ``STRUCTLAB_COMPILED=0``, or after any failure the
torch code runs instead, and :func:`status` tells why. The library is kept in the user's cache
directory under a hash of source, flags, compiler and processor, so that neither an update nor a
home directory shared between machines meets a stale one. A library is loaded only from a directory
that nobody else can write to, and only if it is whole; where there is no such directory it is
compiled for this process alone.
"""

import atexit
import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import stat
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
    """``structlab_scan`` of ``diagonal_scan.c`` for float32 or float64, or None.

    The answer stays the same for the life of the process: forward and backward share a layout.
    """
    return _load(_REALS[dtype])[0]


def status(dtype: torch.dtype = torch.float32) -> str:
    """``compiled: <path>`` or ``torch: <reason>``."""
    return _load(_REALS[dtype])[1]


def switched_off() -> bool:
    """Whether the user wants torch code only."""
    return os.environ.get(SWITCH, "1").lower() in ("0", "false", "off", "no")


@functools.cache
def _load(real):
    if switched_off():
        return None, f"torch: switched off by {SWITCH}={os.environ[SWITCH]}"
    try:
        path = _build(real)
        function = ctypes.CDLL(str(path)).structlab_scan
    except Exception as error:  # whatever it is, the torch code does not need it
        return None, f"torch: {error}"
    function.argtypes = (ctypes.c_void_p,)
    function.restype = None
    return function, f"compiled: {path}"


def _build(real):
    given = shlex.split(os.environ.get("CC", ""))
    candidates = [given] if given else [["cc"], ["gcc"], ["clang"]]
    compiler = next((c for c in candidates if shutil.which(c[0])), None)
    if compiler is None:
        names = ", ".join(shlex.join(c) for c in candidates)
        raise FileNotFoundError(f"no C compiler: {names}")
    version = subprocess.run(
        [*compiler, "--version"], capture_output=True, check=True, timeout=_TIME_LIMIT
    ).stdout
    key = hashlib.sha256(_SOURCE.read_bytes())
    for part in (version, real.encode(), " ".join(_FLAGS).encode(), _processor().encode()):
        key.update(b"\0" + part)
    path = _cache_directory() / f"diagonal_scan-{real}-{key.hexdigest()[:20]}.so"
    if not _is_whole(path):
        _compile(compiler, real, path)
    return path


def _is_whole(path):
    """Whether the library is what was once written: the loader maps even half a file, and dies."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == _sum_of(path).read_text()
    except OSError:
        return False


def _sum_of(path):
    return path.with_suffix(".sha256")


def _compile(compiler, real, path):
    message = ""
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        output = Path(scratch) / path.name
        for tuning in _TUNINGS:
            flags = [*_FLAGS, *([tuning] if tuning else []), f"-DREAL={real}"]
            done = subprocess.run(
                [*compiler, *flags, str(_SOURCE), "-o", str(output)],
                capture_output=True,
                text=True,
                timeout=_TIME_LIMIT,
            )
            if done.returncode == 0:
                # Processes that race may install each other's sums; a library whose sum does not
                # fit is only compiled again.
                checksum = _sum_of(output)
                checksum.write_text(hashlib.sha256(output.read_bytes()).hexdigest())
                for source, target in ((output, path), (checksum, _sum_of(path))):
                    with open(source, "rb+") as file:
                        os.fsync(file.fileno())
                    os.replace(source, target)
                return
            message = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
    raise OSError(f"{shlex.join(compiler)} failed: {message[0]}")


def _cache_directory() -> Path:
    """The user's, or a new one for this process where that cannot be used."""
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME", ""))
        base = base if base.is_absolute() else Path.home() / ".cache"
        folder = base / "structlab" / "kernels"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _is_private(folder) and os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # read-only, or a user without a home
        pass
    folder = Path(tempfile.mkdtemp(prefix="structlab-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _is_private(folder: Path) -> bool:
    """What lies in a directory that others can write to is not to be run."""
    if not hasattr(os, "geteuid"):
        return True
    found = folder.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _processor() -> str:
    """What -march=native depends on."""
    flags = ""
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((x for x in file if x.startswith(("flags", "Features"))), "")
    except OSError:
        pass  # not Linux: the names below have to do
    return f"{platform.machine()} {platform.processor()} {flags}"
