#!/usr/bin/env python3
"""Holds the composer to its word. Needs what `tools/setup test` installs; makes its own walkers, so no clip."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from ocelli_compose import canary, clip, mix, nal, places, plan, stock, stream, truth, use  # noqa: E402
from ocelli_compose.paint import Box  # noqa: E402
from ocelli_compose.spec import RATE, Segment, Spec, WrongSpec  # noqa: E402
from ocelli_compose.sprite import Sprite  # noqa: E402

CANARY = "8fa1c0d2e3f4151627384956a7b8c9da"
OTHER = "3c5b79d8e6f10213243546578798a9bb"


def made_up() -> stock.Stock:
    """Bright upright blocks over a dark slope of grey."""
    block, alpha = np.full((90, 36, 3), 250, np.uint8), np.ones((90, 36), np.float32)
    walker = Sprite("block", "person", 7.0, [block, block[:, 1:]], [alpha, alpha[:, 1:]], [90.0, 90.0], 0.5)
    scene = np.tile(np.linspace(30, 90, stock.SCENE_WIDTH, dtype=np.uint8), (stock.SCENE_HEIGHT, 1))
    return stock.Stock([walker], stock.drawn_vehicles()[:2], {"slope": np.dstack([scene] * 3)}, {"slope": 0.3})


def spec(**fields: object) -> Spec:
    """A small stream."""
    given = {
        "name": "s",
        "seed": 5,
        "secs": 20.0,
        "width": 320,
        "height": 180,
        "scene": "slope",
        "passages_per_minute": 20.0,
    }
    return Spec(**(given | {"clock": False, "faint_share": 0.0} | fields))  # type: ignore[arg-type]


def decoded(path: pathlib.Path) -> list[np.ndarray]:
    return [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in clip.pictures(path)]


class Truth(unittest.TestCase):
    """What is written about a stream is what was painted."""

    def setUp(self) -> None:
        self.stock = made_up()

    def compose(self, given: Spec) -> tuple[list[plan.Way], list[list[Box]], list[bytes]]:
        ways = plan.plan(given, self.stock.walkers, self.stock.vehicles, self.stock.grounds[given.scene])
        pairs = list(stream.frames(given, self.stock, ways))
        return ways, [boxes for _, boxes in pairs], [planes for planes, _ in pairs]

    def text(self, given: Spec) -> str:
        ways, pictures, _ = self.compose(given)
        return truth.boxes_text(pictures) + truth.events_text(truth.events(given, ways, pictures))

    def test_the_same_seed_gives_the_same_bytes(self) -> None:
        shaken = spec(disturbances=(Segment("shake", 8.0, 12.0), Segment("rain", 9.0, 11.0)))
        self.assertEqual(self.text(shaken), self.text(shaken))
        self.assertNotEqual(self.text(shaken), self.text(dataclasses.replace(shaken, seed=6)))
        first, second = (self.compose(shaken)[2] for _ in range(2))
        self.assertEqual(first, second)

    def test_coding_and_noise_do_not_change_who_passes(self) -> None:
        given = spec()
        other = mix.renamed(dataclasses.replace(given, codec="h265", noise="high", clock=True), "t")
        self.assertEqual(self.compose(given)[1], self.compose(other)[1])

    def test_boxes_are_inside_and_belong_to_passages(self) -> None:
        given = spec(disturbances=(Segment("shake", 6.0, 20.0),))
        ways, pictures, _ = self.compose(given)
        boxes = [box for picture in pictures for box in picture]
        self.assertGreater(len(boxes), 200)
        for box in boxes:
            self.assertGreaterEqual(min(box.left, box.top), 0)
            self.assertLessEqual(box.left + box.width, given.width)
            self.assertLessEqual(box.top + box.height, given.height)
            self.assertTrue(0 < box.visible <= 1.001)
        happened = truth.events(given, ways, pictures)
        self.assertEqual({box.tag for box in boxes}, {passage["tag"] for passage in happened["passages"]})
        for passage in happened["passages"]:
            self.assertGreater(passage["to_secs"] - passage["from_secs"], 0.7)

    def test_boxes_fit_what_is_painted(self) -> None:
        given = spec(vehicle_share=0.0)
        ways, pictures, coded = self.compose(given)
        empty = cv2.cvtColor(stream.empty_scene(given, self.stock), cv2.COLOR_BGR2GRAY)
        compared = 0
        for number, (boxes, planes) in enumerate(zip(pictures, coded, strict=True)):
            there = sum(way.from_secs <= number / RATE <= way.from_secs + way.secs for way in ways)
            if there != 1 or len(boxes) != 1 or boxes[0].visible < 0.9:
                continue
            luma = np.frombuffer(planes, np.uint8)[: given.width * given.height].reshape(given.height, given.width)
            rows, columns = np.nonzero(luma.astype(int) - empty > 60)
            box = boxes[0]
            have = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            want = (box.left, box.top, box.left + box.width, box.top + box.height)
            self.assertLessEqual(max(abs(a - b) for a, b in zip(have, want, strict=True)), 1)
            compared += 1
        self.assertGreater(compared, 50)

    def test_lengths_are_spread_evenly_by_their_logarithm(self) -> None:
        given = spec(secs=7200.0, passages_per_minute=2.0)
        ways = plan.plan(given, self.stock.walkers, self.stock.vehicles, 0.3)
        lengths = np.log([way.secs for way in ways])
        self.assertGreater(len(ways), 200)
        share, _ = np.histogram(lengths, bins=4, range=(0, np.log(30)))
        self.assertGreater(share.min(), 0.15 * len(ways))

    def test_a_spec_reads_what_it_writes_and_says_what_is_wrong(self) -> None:
        given = spec(disturbances=(Segment("rain", 1.0, 2.0),), canary=CANARY)
        self.assertEqual(Spec.from_json(json.dumps(given.json())), given)
        for wrong in ({"width": 321}, {"secs": 0.0}, {"canary": "00" * 16}, {"canary": "aa"}, {"gop_secs": 0.0}):
            with self.assertRaises(WrongSpec):
                spec(**wrong).check()
        with self.assertRaises(WrongSpec):
            stream.empty_scene(spec(scene="moon"), self.stock)


class AtPlaces(unittest.TestCase):
    """Crossings and stays."""

    def walk(self, places_x: list[float]) -> list[tuple[float, Box]]:
        return [(n / RATE, Box(7, "person", x * 320 - 10, 60, 20, 60, 1.0)) for n, x in enumerate(places_x)]

    def crossings(self, places_x: list[float]) -> list[tuple[str, float]]:
        points = [(0.5, 0.0), (0.5, 1.0)]
        return [(c.direction, c.at_secs) for c in places.crossings("line", points, self.walk(places_x), spec())]

    def test_a_crossing_counts_once_and_a_way_back_counts_again(self) -> None:
        there = list(np.linspace(0.2, 0.8, 61))
        self.assertEqual(self.crossings(there), [("left", 30 / RATE)])
        self.assertEqual([direction for direction, _ in self.crossings(there + there[::-1])], ["left", "right"])
        self.assertEqual([direction for direction, _ in self.crossings(there[::-1])], ["right"])

    def test_who_flickers_on_the_line_did_not_cross(self) -> None:
        self.assertEqual(self.crossings([0.49, 0.505] * 20 + [0.49, 0.3]), [])
        self.assertEqual(self.crossings([0.2, 0.3, 0.4]), [])

    def test_stays_have_a_beginning_and_an_end(self) -> None:
        zone = [(0.4, 0.0), (0.6, 0.0), (0.6, 1.0), (0.4, 1.0)]
        inside, outside = [0.5] * 50, [0.9] * 50
        found = places.stays("zone", zone, self.walk(outside + inside + [0.9] * 5 + inside + outside), spec())
        self.assertEqual([(stay.from_secs, stay.to_secs) for stay in found], [(50 / RATE, 154 / RATE)])
        self.assertEqual(places.stays("zone", zone, self.walk(outside + [0.5] * 5 + outside), spec()), [])

    def test_a_labelled_clip_gets_its_events(self) -> None:
        rows = [f"{n},4,{3 * n},50,20,60,1,0,0,0\n" for n in range(1, 101)] + ["50,5,1,1,9,9,0,0,0,0\n"]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "gt.txt"
            path.write_text("".join(rows))
            lines = dict([use.named_points("door:0.5,0,0.5,1")])
            zones = dict([use.named_points("desk:0.6,0,0.8,0,0.8,1,0.6,1")])
            happened = json.loads(use.labelled(path, spec(), 10.0, lines, zones))
        self.assertEqual([passage["tag"] for passage in happened["passages"]], [4, 5])
        self.assertEqual(happened["crossings"], [{"tag": 4, "line": "door", "direction": "left", "at_secs": 5.0}])
        self.assertEqual([(s["from_secs"], s["to_secs"]) for s in happened["stays"]], [(6.0, 8.1)])
        for wrong in ("door", "door:1,2,3", "0.1,0.2,0.3,0.4"):
            with self.assertRaises(ValueError):
                use.named_points(wrong)


class Coded(unittest.TestCase):
    """The files."""

    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.stock = made_up()

    def keys(self, path: pathlib.Path) -> list[int]:
        command = [
            "ffprobe",
            "-v",
            "error",
            "-select_streams",
            "v",
            "-show_entries",
            "packet=flags",
            "-of",
            "csv=p=0",
            str(path),
        ]
        flags = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        self.pictures = len(flags)
        return [number for number, flag in enumerate(flags) if flag.startswith("K")]

    def test_key_pictures_stand_where_they_should_in_every_coding(self) -> None:
        for codec in ("h264", "h265"):
            for control in ("variable", "constant"):
                with self.subTest(codec=codec, control=control):
                    name = f"{codec}-{control}"
                    given = spec(name=name, secs=5.0, codec=codec, rate_control=control, gop_secs=2.0, canary=CANARY)
                    path = stream.compose(given, self.stock, self.folder)
                    self.assertEqual(self.keys(path), [0, 50, 100])
                    self.assertEqual(self.pictures, 125)
                    self.assertEqual(len(decoded(path)), 125)

    def test_the_canary_is_in_the_coded_bytes_of_each_picture_it_should_be_in(self) -> None:
        for codec in ("h264", "h265"):
            for where, count in (("none", 0), ("key", 2), ("picture", 100)):
                with self.subTest(codec=codec, where=where):
                    given = spec(name=f"{codec}-{where}", secs=4.0, codec=codec, canary=CANARY, canary_coded=where)
                    data = stream.compose(given, self.stock, self.folder).read_bytes()
                    self.assertEqual(data.count(bytes.fromhex(CANARY)), count)
                    self.assertEqual(canary.in_bytes(data, CANARY), count > 0)
                    self.assertFalse(canary.in_bytes(data, OTHER))

    def test_the_canary_is_in_the_pixels_of_people_and_nowhere_without_them(self) -> None:
        worn = spec(name="worn", width=640, height=360, secs=10.0, vehicle_share=0.0, sizes=("near",))
        worn = dataclasses.replace(worn, canary=CANARY, canary_worn=True)
        plain = dataclasses.replace(worn, name="plain", dice_name="worn", canary_worn=False)
        best = {}
        for given in (worn, plain):
            path = stream.compose(given, self.stock, self.folder)
            boxes = [line.split(",") for line in path.with_suffix(".truth.txt").read_text().splitlines()]
            tallest = max(boxes, key=lambda fields: float(fields[5]) * float(fields[8]))
            picture = decoded(path)[int(tallest[0]) - 1]
            # A still that is half the size still shows it.
            half = cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
            best[given.name] = [canary.in_picture(p, CANARY) for p in (picture, half)]
            self.assertLess(canary.in_picture(picture, OTHER), canary.FOUND)
        self.assertGreater(min(best["worn"]), canary.FOUND)
        self.assertLess(max(best["plain"]), canary.FOUND)

    def test_user_data_is_found_by_another_reader(self) -> None:
        given = spec(secs=2.0, canary=CANARY)
        path = stream.compose(given, self.stock, self.folder)
        raw = path.with_suffix(".264")
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            str(path),
            "-c",
            "copy",
            "-bsf:v",
            "h264_mp4toannexb",
            "-f",
            "h264",
            str(raw),
        ]
        subprocess.run(command, check=True)
        kinds = [unit[0] & 0x1F for unit in nal.units(raw.read_bytes())]
        self.assertIn(6, kinds)
        self.assertIn(5, kinds)
        self.assertLess(max(n for n, kind in enumerate(kinds[:8]) if kind == 6), kinds.index(5))


class Places(unittest.TestCase):
    """What counts at a line and in a zone."""

    def walk(self, *lefts: float) -> list[tuple[float, Box]]:
        """A person of 20x40 pixels in each tenth of a second."""
        return [(number / 10, Box(1, "person", left, 60, 20, 40, 1.0)) for number, left in enumerate(lefts)]

    def test_a_crossing_needs_both_sides(self) -> None:
        view = spec()
        down = [(0.5, 0.0), (0.5, 1.0)]
        # The line is at 160 pixels; clear of it is who stands 8 away.
        crossed = places.crossings("door", down, self.walk(120, 140, 148, 152, 160), view)
        self.assertEqual([(one.direction, one.at_secs) for one in crossed], [("left", 0.3)])
        self.assertEqual(places.crossings("door", down, self.walk(148, 152, 160), view), [])

    def test_who_is_first_seen_inside_has_not_entered(self) -> None:
        zone = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]

        def inside(*lefts: float) -> list[bool]:
            return [stay.appeared_inside for stay in places.stays("desk", zone, self.walk(*lefts), spec())]

        self.assertEqual(inside(*[60] * 10), [True])
        self.assertEqual(inside(170, *[60] * 10), [False])
        self.assertEqual(inside(*[15] * 10), [False], "it came in at the edge of the picture")


class Sets(unittest.TestCase):
    """The sets of streams."""

    def test_a_city_is_mostly_quiet(self) -> None:
        entries = mix.city(1, 100, 60.0, "constant", True, ["slope"])
        self.assertEqual(sum(entry.kind == "busy" for entry in entries), 10)
        self.assertEqual(sum(entry.spec.height == 1080 for entry in entries), 20)
        self.assertGreater(len({entry.spec.gop_secs for entry in entries if entry.kind == "busy"}), 1)
        self.assertEqual({entry.spec.gop_secs for entry in entries}, {1.0, 2.0, 4.0})
        self.assertEqual(len({entry.spec.canary for entry in entries}), 100)
        self.assertEqual(mix.city(1, 100, 60.0, "constant", True, ["slope"]), entries)
        listed = json.loads(mix.manifest("city", entries, False))["streams"]
        self.assertEqual({stream["class"] for stream in listed}, {"boiling"})

    def test_a_set_gets_a_configuration(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            given = spec(secs=8.0)
            stream.compose(given, made_up(), folder)
            made = json.loads(use.configuration(folder, 2.0))
            self.assertEqual(made["streams"]["s"]["rules"][0]["line"]["points"], [list(p) for p in places.line(given)])
            self.assertEqual(list(made["streams"]["s"]["zones"]), ["zone"])
            (folder / "s.mp4").unlink()
            with self.assertRaises(clip.Unreadable):
                use.configuration(folder, 2.0)

    def test_recall_has_the_same_passages_in_every_coding(self) -> None:
        entries = mix.recall(1, 60.0, ["slope"])
        self.assertEqual(len({entry.spec.name for entry in entries}), 16)
        made = made_up()
        planned = {str(plan.plan(entry.spec, made.walkers, made.vehicles, 0.3)) for entry in entries}
        self.assertEqual(len(planned), 1)

    def test_the_truth_of_a_busy_stream_is_cropped_and_repeated(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "gt.txt"
            path.write_text(
                "1,3,101,151,40,80,1,0,0,0\n2,3,101,151,40,80,0,0,0,0\n2,4,10,20,40,80,1,0,0,0\n3,3,761,500,40,80,1,0,0,0\n"
            )
            given = spec(secs=2.0, width=640, height=360)
            lines = mix.busy_truth(given, path).splitlines()
        self.assertEqual(lines[0], "1,3,84.33,42.67,33.33,66.67,1,1,1.000")
        self.assertEqual(lines[1], "4,7,84.33,42.67,33.33,66.67,1,1,1.000")
        self.assertEqual(len(lines), 17)


if __name__ == "__main__":
    unittest.main()
