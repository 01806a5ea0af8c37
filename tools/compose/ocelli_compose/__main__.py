"""The command line: `python -m ocelli_compose --help`."""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
from typing import get_args

import cv2

from . import mix, stock, use
from .clip import Unreadable
from .encode import EncodingFailed
from .mix import Entry
from .spec import RateControl, Spec, WrongSpec
from .stream import compose

# Vehicles that are cut out of one clip.
VEHICLES_MOST = 20


def _stock(args: argparse.Namespace) -> None:
    made = stock.portable(args.opencv_doc)
    for name, path, ground in args.scene:
        stock.add_scene(made, name, pathlib.Path(path), float(ground))
    for path, rate in args.vehicles:
        stock.add_vehicles(made, pathlib.Path(path), float(rate), VEHICLES_MOST)
    stock.save(made, args.folder)
    print(f"{len(made.walkers)} walkers, {len(made.vehicles)} vehicles, scenes: {', '.join(sorted(made.scenes))}")


def _stream(args: argparse.Namespace) -> None:
    spec = Spec.from_json(args.spec.read_text())
    compose(spec, stock.load(args.stock), args.folder)


def _set(args: argparse.Namespace) -> None:
    made = stock.load(args.stock)
    scenes = args.scenes.split(",") if args.scenes else sorted(made.scenes)
    if args.kind == "city":
        entries = mix.city(args.seed, args.streams, args.secs, args.rate_control, args.large, scenes)
    elif args.kind == "recall":
        entries = mix.recall(args.seed, args.secs, scenes)
    else:
        entries = mix.weather(args.seed, scenes)
    if any(entry.kind == "busy" for entry in entries) and not args.busy_clip:
        raise WrongSpec("busy streams are a real clip: give --busy-clip vtest.avi")
    args.folder.mkdir(parents=True, exist_ok=True)
    for number, entry in enumerate(entries, start=1):
        begun = time.monotonic()
        _entry(entry, made, args)
        print(f"{number}/{len(entries)} {entry.spec.name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    (args.folder / "manifest.json").write_text(mix.manifest(args.kind, entries, args.busy_truth is not None))


def _entry(entry: Entry, made: stock.Stock, args: argparse.Namespace) -> None:
    spec = entry.spec
    if entry.kind != "busy":
        compose(spec, made, args.folder)
        return
    mix.busy(spec, args.busy_clip, args.folder / f"{spec.name}.mp4")
    if args.busy_truth:
        (args.folder / f"{spec.name}.truth.txt").write_text(mix.busy_truth(spec, args.busy_truth))


def _config(args: argparse.Namespace) -> None:
    print(use.configuration(args.folder, args.look_rate), end="")


def _places(args: argparse.Namespace) -> None:
    width, height = (int(side) for side in args.size.split("x"))
    view = Spec("clip", 0, width=width, height=height)
    print(use.labelled(args.truth, view, args.rate, dict(args.line), dict(args.zone)), end="")


def _seen(args: argparse.Namespace) -> None:
    # Nothing else needs onnxruntime.
    from . import detect, seen  # noqa: PLC0415

    detector = detect.NanoDet(args.model)
    found = []
    for path in sorted(args.folder.glob("*.truth.json")):
        found += seen.passages(path.with_name(path.name.replace(".truth.json", ".mp4")), detector)
    print(seen.table(found))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ocelli_compose", description=__doc__)
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("stock", help="cut walkers and empty scenes out of clips")
    command.add_argument("opencv_doc", type=pathlib.Path, help="examples/data of Debian's package opencv-doc")
    command.add_argument("folder", type=pathlib.Path)
    scene = command.add_argument("--scene", nargs=3, action="append", default=[], help="the empty scene of a clip")
    scene.metavar = ("NAME", "CLIP", "GROUND")
    driven = command.add_argument("--vehicles", nargs=2, action="append", default=[], help="what drives through a clip")
    driven.metavar = ("CLIP", "RATE")
    command.set_defaults(run=_stock)

    command = commands.add_parser("stream", help="compose one stream")
    command.add_argument("stock", type=pathlib.Path)
    command.add_argument("spec", type=pathlib.Path, help="JSON: the fields of Spec")
    command.add_argument("folder", type=pathlib.Path)
    command.set_defaults(run=_stream)

    command = commands.add_parser("set", help="compose a set of streams")
    command.add_argument("kind", choices=["city", "recall", "weather"])
    command.add_argument("stock", type=pathlib.Path)
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--streams", type=int, default=20, help="of the city")
    command.add_argument("--secs", type=float, default=180.0, help="of each stream")
    controls = get_args(RateControl)
    command.add_argument("--rate-control", choices=controls, default="variable", help="of the city: calm or boiling")
    command.add_argument("--large", action="store_true", help="every fifth stream of the city at 1920x1080")
    command.add_argument("--scenes", default="", help="names of scenes, all without it")
    command.add_argument("--busy-clip", type=pathlib.Path, help="vtest.avi")
    command.add_argument("--busy-truth", type=pathlib.Path, help="its MOT15 truth")
    command.set_defaults(run=_set)

    command = commands.add_parser("config", help="print a configuration of ocelli that watches a folder of streams")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("--look-rate", type=float, default=5.0, help="looks a second")
    command.set_defaults(run=_config)

    command = commands.add_parser("places", help="print the event truth of a clip whose people are known as MOT text")
    command.add_argument("truth", type=pathlib.Path)
    command.add_argument("rate", type=float, help="pictures a second")
    command.add_argument("size", help="e.g. 768x576")
    places = "NAME:x,y,x,y..., 0..1 of the picture"
    command.add_argument("--line", type=use.named_points, action="append", default=[], help=places)
    command.add_argument("--zone", type=use.named_points, action="append", default=[], help=places)
    command.set_defaults(run=_places)

    command = commands.add_parser("seen", help="print how much of it the detector sees (needs onnxruntime)")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("model", type=pathlib.Path, help="a sidecar of models/, e.g. nanodet-g-int8.json")
    command.set_defaults(run=_seen)
    return parser


def main() -> int:
    """Runs one command."""
    args = _arguments().parse_args()
    # One thread: the same sums in the same order.
    cv2.setNumThreads(1)
    try:
        args.run(args)
    except (Unreadable, WrongSpec, EncodingFailed, OSError, ValueError) as error:
        print(f"ocelli_compose: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
