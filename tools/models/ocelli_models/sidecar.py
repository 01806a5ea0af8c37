"""What has to be true of a model's sidecar. Standard library only: the test runs it everywhere."""

from __future__ import annotations

import re
from pathlib import Path

from .package import sha256

KEYS = frozenset(
    "schema id file sha256 bytes purpose family licence licence_files origin upstream changes note input threshold "
    "threshold_low nms_iou decoding measured classes".split()
)
INPUT_KEYS = frozenset("default_width default_height fixed multiple_of colour mean std resize pad".split())
PURPOSES = ("objects", "redaction")
CLASSES = 80
_HASH = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class Vocabulary:
    """The lists of the core crate that sidecars have to agree with, read from its sources so that there is one copy."""

    def __init__(self, core: Path) -> None:
        label = (core / "label.rs").read_text(encoding="utf-8")
        settings = (core / "settings.rs").read_text(encoding="utf-8")
        self.coco = _strings(label, "pub const COCO_80")
        self.refused = _strings(label, "pub const REFUSED_WORDS")
        self.families = _strings(settings, "pub const DETECTOR_FAMILIES")[::2]

    def refused_word(self, class_name: str) -> str | None:
        """The refused word in a class name, compared by whole words as the core crate does it."""
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", class_name)
        words = re.findall(r"[a-z]+", spaced.lower())
        for refused in self.refused:
            parts = refused.split("_")
            for start in range(len(words) - len(parts) + 1):
                if all(word in (part, part + "s") for word, part in zip(words[start:], parts)):
                    return refused
        return None


def _strings(source: str, start: str) -> list[str]:
    """The string literals of a Rust constant."""
    return re.findall(r'"([^"]*)"', source.split(start, 1)[1].split("];", 1)[0])


def faults(sidecar: dict, vocabulary: Vocabulary) -> list[str]:
    """Everything that is wrong with a sidecar's own fields."""
    if wrong := sorted(KEYS ^ (sidecar.keys() - {"url"})):
        return [f"fields missing or unknown: {', '.join(wrong)}"]
    found = []
    if sidecar["schema"] != 1:
        found.append("schema is not 1")
    if sidecar["file"] != f"{sidecar['id']}.onnx":
        found.append("file is not named after the id")
    if not _HASH.fullmatch(sidecar["sha256"]) or sidecar["bytes"] <= 0:
        found.append("no hash or no size")
    return found + _input_faults(sidecar) + _class_faults(sidecar, vocabulary)


def _input_faults(sidecar: dict) -> list[str]:
    picture, found = sidecar["input"], []
    if picture.keys() != INPUT_KEYS:
        return ["fields of input missing or unknown"]
    if any(picture[side] % picture["multiple_of"] for side in ("default_width", "default_height")):
        found.append("default size is not a multiple")
    if picture["colour"] not in ("bgr", "rgb") or picture["resize"] not in ("letterbox", "stretch"):
        found.append("colour or resize is spelled in another way than the settings read it")
    if len(picture["mean"]) != 3 or len(picture["std"]) != 3 or not all(picture["std"]):
        found.append("mean or std is not three numbers that can be divided by")
    if not 0 < sidecar["threshold_low"] < sidecar["threshold"] < 1 or not 0 < sidecar["nms_iou"] < 1:
        found.append("thresholds are not in order between 0 and 1")
    return found


def _class_faults(sidecar: dict, vocabulary: Vocabulary) -> list[str]:
    found, classes = [], sidecar["classes"]
    if sidecar["purpose"] not in PURPOSES:
        found.append("purpose is unknown")
    if sidecar["purpose"] == "objects" and sidecar["family"] not in vocabulary.families:
        found.append("family is unknown")
    if len(classes) != (CLASSES if sidecar["purpose"] == "objects" else 0) or len(set(classes)) != len(classes):
        found.append(f"{len(classes)} classes")
    found += [f"class {name!r} is refused" for name in classes if vocabulary.refused_word(name)]
    return found


def file_faults(sidecar: dict, folder: Path) -> list[str]:
    """Everything in which the model's file is not what the sidecar says."""
    path = folder / sidecar["file"]
    if not path.is_file():
        return ["file is absent"]
    found = []
    if path.stat().st_size != sidecar["bytes"]:
        found.append("file has another size")
    if sha256(path) != sidecar["sha256"]:
        found.append("file has another hash")
    return found


def url_faults(sidecar: dict) -> list[str]:
    """Whether a catalogue entry's URL is that of its origin at one commit, whose bytes are unchanged."""
    url, origin = sidecar["url"], sidecar["origin"]
    if url is None:
        return [] if sidecar["note"] and sidecar["changes"] else ["no url, and neither change nor note says why"]
    file = origin["files"][0]
    if url != f"https://raw.githubusercontent.com/{origin['name']}/{origin['revision']}/{file['path']}":
        return ["url is not that of the origin"]
    if not _COMMIT.fullmatch(origin["revision"]):
        return ["revision is not a commit, its bytes can change"]
    if file["sha256"] != sidecar["sha256"] or sidecar["changes"]:
        return ["bytes at the url are not the model's"]
    return []
