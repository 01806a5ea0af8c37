"""Encodes as cameras do: no B pictures, one slice, one reference, key pictures at a fixed distance."""

from __future__ import annotations

import pathlib
import subprocess
import types

from . import nal
from .spec import RATE, Spec

# Constant quality, by codec; bits a second of a constant bitrate at 640x360, grown with the pixels to the power 0.8.
QUALITY = {"h264": 27, "h265": 29}
CONSTANT_KBITS = 400.0


class EncodingFailed(Exception):
    """ffmpeg did not do it; the text says what it said."""


def arguments(spec: Spec) -> list[str]:
    """What ffmpeg is told of the coding."""
    gop = max(1, round(spec.gop_secs * RATE))
    if spec.codec == "h264":
        words = "-c:v libx264 -preset veryfast -tune zerolatency -bf 0 -refs 1 -threads 1 -sc_threshold 0".split()
        words += ["-g", str(gop), "-keyint_min", str(gop)]
        words += ["-x264-params", "sliced-threads=0:psy=0:mbtree=0:scenecut=0"]
    else:
        words = "-c:v libx265 -preset veryfast -tune zerolatency -x265-params".split()
        plain = "scenecut=0:bframes=0:ref=1:open-gop=0:pools=none:frame-threads=1:log-level=error"
        words.append(f"keyint={gop}:min-keyint={gop}:{plain}")
    if spec.rate_control == "variable":
        return [*words, "-crf", str(QUALITY[spec.codec])]
    rate = f"{round(CONSTANT_KBITS * (spec.width * spec.height / (640 * 360)) ** 0.8)}k"
    return [*words, "-b:v", rate, "-maxrate", rate, "-bufsize", rate]


class Encoder:
    """Takes the pictures of one stream and leaves an MP4 file."""

    def __init__(self, spec: Spec, path: pathlib.Path) -> None:
        self.spec, self.path = spec, path
        self.raw = path.with_suffix(f".{spec.codec}")
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p"]
        command += ["-s", f"{spec.width}x{spec.height}", "-r", str(RATE), "-i", "-"]
        command += [*arguments(spec), "-f", "h264" if spec.codec == "h264" else "hevc", str(self.raw)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        if kind is not None:
            self.process.kill()
            self.process.wait()
            self.raw.unlink(missing_ok=True)
        for pipe in (self.process.stdin, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def write(self, planes: bytes) -> None:
        """The next picture."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(planes)
        except BrokenPipeError as error:
            raise EncodingFailed(self._complaint()) from error

    def close(self) -> None:
        """Ends the stream: puts the canary in and wraps it up."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        complaint = self._complaint()
        if self.process.wait():
            raise EncodingFailed(complaint)
        if self.spec.canary and self.spec.canary_coded != "none":
            data = self.raw.read_bytes()
            every = self.spec.canary_coded == "picture"
            self.raw.write_bytes(nal.with_user_data(data, self.spec.codec, bytes.fromhex(self.spec.canary), every))
        wrap(self.raw, self.spec.codec, self.path)
        self.raw.unlink()

    def _complaint(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode(errors="replace").strip()


def wrap(raw: pathlib.Path, codec: str, path: pathlib.Path) -> None:
    """Coded pictures in an MP4 file, without times or names of the machine."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-fflags", "+bitexact", "-framerate", str(RATE)]
    command += ["-f", "h264" if codec == "h264" else "hevc", "-i", str(raw), "-c", "copy", "-map_metadata", "-1"]
    command += [
        "-tag:v",
        "avc1" if codec == "h264" else "hvc1",
        "-flags:v",
        "+bitexact",
        "-movflags",
        "+faststart",
        str(path),
    ]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise EncodingFailed(done.stderr.decode(errors="replace").strip())
