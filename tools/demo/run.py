"""Starts simulated cameras and ocelli on embedded defaults, and shows events from the API. Only Python's own library."""

import argparse
import collections
import json
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

STREAMS = 8
START_LIMIT_SECS = 60
CHECK_LIMIT_SECS = 180
# What `--check` wants to have seen before it is content.
WANTED_KINDS = {"appeared", "gone", "crossed", "entered"}

CONFIGURATION = """\
# Made by ./demo: eight simulated cameras on this machine.
site: {{ name: demo, contact: demo@site.example }}
data_dir: {data}
api: {{ listen: "127.0.0.1:{api_port}", token: "{token}" }}
profiles:
  campus:
    purpose: show how ocelli counts people on a path
    retention: 1h
    look_rate: 5
    detector: nano
    labels: [person, bicycle, car]
    rules:
      - line: {{ name: midway, points: [[0.5, 0.1], [0.5, 1.0]] }}
      - zone: {{ name: at-the-junction, zone: junction }}
detectors:
  nano: {{ onnx: {{ family: nanodet, model: nanodet-g-int8, input: [320, 192] }} }}
streams:
{streams}
"""

STREAM = """\
  campus-{index}: {{ url: "{url}", profile: campus, zones: {{ junction: [[0.3, 0.3], [0.75, 0.3], [0.75, 0.9], [0.3, 0.9]] }} }}
"""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Api:
    """The few calls that the demo makes."""

    def __init__(self, port: int, token: str):
        self.base = f"http://127.0.0.1:{port}"
        self.token = token

    def get(self, path: str, **query: str):
        url = f"{self.base}{path}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def start(programs: Path, folder: Path, name: str, *arguments: str) -> subprocess.Popen:
    log = open(folder / f"{name}.log", "w")
    return subprocess.Popen([str(programs / "ocelli"), *arguments], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def wait_for_port(port: int, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_LIMIT_SECS
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"demo: ended at once, its log says:\n{log.read_text()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"demo: nothing listens on port {port} after {START_LIMIT_SECS} s; see {log}")


def line_of(event: dict) -> str:
    what = [event["time"][11:23], f"{event['stream']:<9}", f"{event['kind']:<9}", f"{event.get('label', ''):<8}", event.get("tag", "")]
    for key in ("rule", "place", "direction", "dwell_secs", "reason", "count"):
        if key in event:
            what.append(f"{key}={event[key]}")
    return "  ".join(what)


def follow(api: Api, check: bool) -> int:
    """Prints events as they come. With `check`, returns as soon as enough was seen."""
    seen: collections.Counter = collections.Counter()
    streams: set[str] = set()
    printed: set[str] = set()
    query = {"order": "oldest", "limit": "200"}
    end = time.monotonic() + CHECK_LIMIT_SECS
    while not check or time.monotonic() < end:
        page = api.get("/api/v1/events", **query)
        # The last page comes again, with what was added to it.
        for event in page["events"]:
            if event["id"] in printed:
                continue
            printed.add(event["id"])
            print(line_of(event), flush=True)
            seen[event["kind"]] += 1
            streams.add(event["stream"])
        if page.get("next"):
            query["after"] = page["next"]
            printed.clear()
        if check and WANTED_KINDS <= seen.keys() and len(streams) == STREAMS:
            break
        if not page.get("next"):
            time.sleep(0.5)
    complete = WANTED_KINDS <= seen.keys() and len(streams) == STREAMS
    print(f"\nevents by kind: {dict(seen)} from {len(streams)} of {STREAMS} cameras")
    for stream in api.get("/api/v1/streams")["streams"]:
        print(f"  {stream['name']}: {stream['state']}, coverage {stream.get('coverage', 0):.2f}")
    print("check: " + ("passed" if complete else f"failed, still missing: {sorted(WANTED_KINDS - seen.keys())}"))
    return 0 if complete else 1


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    folder = options.folder
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "data"
    data.mkdir(parents=True)
    camera_port, api_port = free_port(), free_port()
    token = secrets.token_urlsafe(32)
    running = []
    try:
        cameras = start(options.programs, folder, "simulate", "simulate", str(options.clip), "--streams", str(STREAMS), "--port", str(camera_port))
        running.append(cameras)
        wait_for_port(camera_port, cameras, folder / "simulate.log")
        streams = "".join(STREAM.format(index=index + 1, url=f"rtsp://127.0.0.1:{camera_port}/cam/{index}") for index in range(STREAMS))
        configuration = folder / "ocelli.yaml"
        configuration.write_text(CONFIGURATION.format(data=data.resolve(), api_port=api_port, token=token, streams=streams))
        engine = start(options.programs, folder, "ocelli", "run", str(configuration))
        running.append(engine)
        wait_for_port(api_port, engine, folder / "ocelli.log")
        api = Api(api_port, token)
        link = re.search(r"log in at (\S+)", (folder / "ocelli.log").read_text())
        print(f"""
The page:             {link[1] if link else api.base}
{STREAMS} simulated cameras: rtsp://127.0.0.1:{camera_port}/cam/0 to /cam/{STREAMS - 1}
The API:              {api.base}/api/v1/events   (description: {api.base}/api/openapi.json)
Its token:            {token}
Try:                  curl -H "Authorization: Bearer {token}" {api.base}/api/v1/streams
Logs:                 {folder}/ocelli.log
""", flush=True)
        return follow(api, options.check)
    except KeyboardInterrupt:
        return 0
    finally:
        for process in reversed(running):
            process.terminate()
        for process in reversed(running):
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()


if __name__ == "__main__":
    sys.exit(main())
