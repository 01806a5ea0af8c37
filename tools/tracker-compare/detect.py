"""Runs a NanoDet-Plus ONNX model over a clip and writes a sequence beside a MOT15 truth of people.

python detect.py MODEL.onnx CLIP TRUTH/gt.txt RATE FOLDER [--size 416] [--letterbox]
"""

from __future__ import annotations

import argparse
import json
import pathlib

import cv2
import numpy as np
import onnxruntime as ort

MEAN = np.array([103.53, 116.28, 123.675], dtype=np.float32)
STD = np.array([57.375, 57.12, 58.395], dtype=np.float32)
LABELS = {0: "person"}


def grid(width: int, height: int, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres and strides of the cells, in the order of the output rows."""
    strides = (8, 16, 32, 64) if bins == 8 else (8, 16, 32)
    offset = 0.0 if bins == 8 else 0.5
    centres, steps = [], []
    for stride in strides:
        columns, rows = -(-width // stride), -(-height // stride)
        x, y = np.meshgrid(np.arange(columns) + offset, np.arange(rows) + offset)
        centres.append(np.stack([x.ravel(), y.ravel()], axis=1) * stride)
        steps.append(np.full(columns * rows, stride))
    return np.concatenate(centres), np.concatenate(steps)


def decode(output: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Person boxes (left, top, right, bottom) in tensor pixels, and their scores."""
    bins = (output.shape[1] - 80) // 4
    centres, steps = grid(width, height, bins)
    score = output[:, 0]
    keep = score > 0.1
    logits = output[keep, 80:].reshape(-1, 4, bins)
    share = np.exp(logits - logits.max(axis=2, keepdims=True))
    share /= share.sum(axis=2, keepdims=True)
    sides = (share * np.arange(bins)).sum(axis=2) * steps[keep, None]
    centres = centres[keep]
    boxes = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1)
    return boxes, score[keep]


def suppress(boxes: np.ndarray, scores: np.ndarray, limit: float) -> list[int]:
    """Indices that survive greedy suppression, surest first."""
    kept: list[int] = []
    for index in np.argsort(-scores):
        box = boxes[index]
        for other in kept:
            low = np.maximum(box[:2], boxes[other][:2])
            high = np.minimum(box[2:], boxes[other][2:])
            shared = np.prod(np.clip(high - low, 0, None))
            areas = np.prod(box[2:] - box[:2]) + np.prod(boxes[other][2:] - boxes[other][:2])
            if shared / (areas - shared) > limit:
                break
        else:
            kept.append(int(index))
    return kept


def main() -> None:
    """Writes the sequence."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("clip", type=pathlib.Path)
    parser.add_argument("truth", type=pathlib.Path)
    parser.add_argument("rate", type=float)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", default="416x416")
    parser.add_argument("--letterbox", action="store_true")
    args = parser.parse_args()
    width, height = (int(side) for side in args.size.split("x"))
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(args.model), options)
    name = session.get_inputs()[0].name
    args.folder.mkdir(parents=True, exist_ok=True)
    capture = cv2.VideoCapture(str(args.clip))
    picture = 0
    with (args.folder / "det.txt").open("w") as file:
        while True:
            more, frame = capture.read()
            if not more:
                break
            full_h, full_w = frame.shape[:2]
            if args.letterbox:
                factor = min(width / full_w, height / full_h)
                small = cv2.resize(frame, (round(full_w * factor), round(full_h * factor)))
                tensor = np.zeros((height, width, 3), dtype=np.float32)
                tensor[: small.shape[0], : small.shape[1]] = small
                factors = np.array([factor, factor] * 2)
            else:
                tensor = cv2.resize(frame, (width, height)).astype(np.float32)
                factors = np.array([width / full_w, height / full_h] * 2)
            tensor = ((tensor - MEAN) / STD).transpose(2, 0, 1)[None]
            boxes, scores = decode(session.run(None, {name: tensor})[0][0], width, height)
            for index in suppress(boxes, scores, 0.6):
                box = np.clip(boxes[index] / factors, 0, [full_w, full_h] * 2)
                left, top, right, bottom = box
                if (
                    right - left < 2
                    or bottom - top < 2
                    or (right - left) * (bottom - top) > 0.8 * full_w * full_h
                ):
                    continue
                file.write(
                    f"{picture},person,{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f},{scores[index]:.3f}\n"
                )
            picture += 1
    look = {"width": full_w, "height": full_h, "rate": args.rate, "pictures": picture}
    (args.folder / "look.json").write_text(json.dumps(look))
    with args.truth.open() as truth, (args.folder / "gt.txt").open("w") as file:
        for line in truth:
            frame_number, identity, left, top, w, h = line.split(",")[:6]
            if int(frame_number) <= picture:
                file.write(f"{int(frame_number) - 1},{identity},person,{left},{top},{w},{h}\n")


if __name__ == "__main__":
    main()
