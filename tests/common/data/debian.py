"""Debian packages made of files in memory."""

from __future__ import annotations

import io
import tarfile


def package(files: dict[str, bytes], compress: str = "xz") -> bytes:
    """One that holds them, by their paths."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=f"w:{compress}") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    members = {"debian-binary": b"2.0\n", f"data.tar.{compress}": data.getvalue()}
    out = b"!<arch>\n"
    for name, content in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        out += content + b"\n" * (len(content) % 2)
    return out
