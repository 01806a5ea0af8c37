"""Units of coded video: puts user data before pictures (ITU-T H.264 and H.265, annex B; SEI of payload type 5)."""

from __future__ import annotations

from collections.abc import Iterator

TEXT = b"ocelli canary"


def units(data: bytes) -> Iterator[bytes]:
    """The units of a byte stream, without their start codes."""
    start = data.find(b"\0\0\1")
    while start >= 0:
        following = data.find(b"\0\0\1", start + 3)
        end = len(data) if following < 0 else following
        # What is 0 before a start code is no part of a unit: a unit ends with a 1 bit.
        yield data[start + 3 : end].rstrip(b"\0") if following >= 0 else data[start + 3 : end]
        start = following


def with_user_data(data: bytes, codec: str, name: bytes, every_picture: bool) -> bytes:
    """The stream with unregistered user data of this name (16 bytes) before its key pictures, or before all."""
    message = user_data(codec, name)
    out = bytearray()
    for unit in units(data):
        kind = _picture_kind(unit, codec)
        if kind == "key" or (kind == "other" and every_picture):
            out += b"\0\0\0\1" + message
        out += b"\0\0\0\1" + unit
    return bytes(out)


def user_data(codec: str, name: bytes) -> bytes:
    """One SEI unit. `name` must not hold a byte 0, so that it stands in the stream as it is."""
    payload = name + TEXT
    header = b"\x06" if codec == "h264" else b"\x4e\x01"
    return header + bytes([5, len(payload)]) + payload + b"\x80"


def _picture_kind(unit: bytes, codec: str) -> str | None:
    """`key` or `other` where a unit begins a picture."""
    if codec == "h264":
        kind = unit[0] & 0x1F
        # The first slice of a picture begins with its macroblock 0: a 1 bit.
        if kind not in (1, 5) or not unit[1] & 0x80:
            return None
        return "key" if kind == 5 else "other"
    kind = unit[0] >> 1 & 0x3F
    if kind > 31 or not unit[2] & 0x80:
        return None
    return "key" if 16 <= kind <= 23 else "other"
