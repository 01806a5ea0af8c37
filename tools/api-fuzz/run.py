"""Starts ocelli with cameras that are not there, and sends generated requests to its API."""

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

CONFIGURATION = """\
site: {{ name: fuzz, contact: fuzz@site.example }}
data_dir: {data}
api: {{ listen: "127.0.0.1:{port}", token: "{token}" }}
profiles:
  doors: {{ purpose: test the API, retention: 1h }}
streams:
  north-1: {{ url: "rtsp://127.0.0.1:9/main", profile: doors, enabled: false }}
  south-1: {{ url: "rtsp://127.0.0.1:9/main", profile: doors }}
"""

START_LIMIT_SECS = 120


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(base: str, program: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_LIMIT_SECS
    while time.monotonic() < end and program.poll() is None:
        try:
            urllib.request.urlopen(f"{base}/readyz", timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"api-fuzz: ocelli is not ready, its log says:\n{log.read_text()[-2000:]}")


def fuzz(base: str, document: str, token: str, folder: Path, seconds: int, *more: str) -> int:
    """The exit status of schemathesis."""
    command = [
        str(Path(sys.executable).parent / "st"), "run", document, "--url", base,
        "--header", f"Authorization: Bearer {token}",
        "--checks", "all",
        # A socket answers a plain request with 426, and a token may not set a password: said in the document.
        "--exclude-checks", "positive_data_acceptance",
        "--phases", "examples,coverage,fuzzing,stateful",
        "--max-time", str(seconds),
        "--rate-limit", "auto",
        "--continue-on-failure",
        "--request-timeout", "10",
        *more,
    ]  # fmt: skip
    return subprocess.run(command, cwd=folder, check=False).returncode


def finds_a_planted_lie(base: str, token: str, folder: Path) -> bool:
    """Whether a document that promises another shape is found out: the twin of a run without findings."""
    request = urllib.request.Request(f"{base}/api/openapi.json", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        document = json.load(answer)
    document["components"]["schemas"]["Health"]["properties"]["version"] = {"type": "integer"}
    planted = folder / "planted.json"
    planted.write_text(json.dumps(document))
    return fuzz(base, str(planted), token, folder, 20, "--include-path", "/api/v1/health") == 1


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--seconds", type=int, default=120)
    options = parser.parse_args()
    token = secrets.token_hex(24)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        configuration = folder / "ocelli.yaml"
        configuration.write_text(CONFIGURATION.format(data=folder / "data", port=port, token=token))
        log = folder / "ocelli.log"
        program = subprocess.Popen(
            [str(options.programs.resolve() / "ocelli"), "run", str(configuration)],
            stdout=log.open("w"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=os.environ,
        )  # fmt: skip
        try:
            wait_until_ready(base, program, log)
            if not finds_a_planted_lie(base, token, folder):
                print("api-fuzz: a planted lie was not found")
                return 1
            print("\nThe planted lie was found. Now the document as it is.\n", flush=True)
            status = fuzz(base, f"{base}/api/openapi.json", token, folder, options.seconds)
            if program.poll() is not None or "panicked" in log.read_text():
                print(f"api-fuzz: ocelli did not bear it:\n{log.read_text()[-4000:]}")
                status = 1
            if token in log.read_text():
                print("api-fuzz: the log holds the token")
                status = 1
            return status
        finally:
            program.terminate()
            try:
                program.wait(timeout=30)
            except subprocess.TimeoutExpired:
                program.kill()


if __name__ == "__main__":
    sys.exit(main())
