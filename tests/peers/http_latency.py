"""deskmill-serve on loopback: time from start to ready, memory, and the latency of one connection, one text at a time.

The client is a raw socket, so that nothing but the loopback and the server is in the figures. It talks to the server
that it starts itself and to nothing else.
"""

import argparse
import csv
import json
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from side_by_side import ROOT, Figure, binary, data_file, show, stop

P50_MAX_US, READY_MAX_MS, RSS_MAX_MB = 300, 200, 150
WAIT_MAX_S = 30


class Connection:
    """One HTTP/1.1 connection that is kept open."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_MAX_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer, which must tell its length."""
        self.socket.sendall(request)
        data = self.rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.more()
        head = data[:end].lower()
        length = int(re.search(rb"content-length: *(\d+)", head).group(1))
        while len(data) < end + 4 + length:
            data += self.more()
        self.rest = data[end + 4 + length :]
        return int(head[9:12]), data[end + 4 : end + 4 + length]

    def more(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


@contextmanager
def server(registry: Path):
    """Starts the server on a free port; gives the process, its port and the seconds from start to ready."""
    started = time.perf_counter()
    command = [binary("deskmill-serve"), "--registry", registry, "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        port = port_of(process)
        get_ready = b"GET /v2/health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        while Connection(port).send(get_ready)[0] != 200:
            if time.perf_counter() - started > WAIT_MAX_S:
                stop(f"the server was not ready after {WAIT_MAX_S} s", "is there a version with the alias prod?")
            time.sleep(0.001)
        yield process, port, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(timeout=WAIT_MAX_S)


def port_of(process: subprocess.Popen) -> int:
    """Waits for the line with the URL. A thread reads on, so that the server never waits for its output to be read."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    seen = ""
    try:
        while (line := lines.get(timeout=WAIT_MAX_S)) is not None:
            seen += line
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                return int(found.group(1))
    except queue.Empty:
        pass
    return stop(f"deskmill-serve printed no URL:\n{seen}", "run it by hand")


def predict_request(model: str, text: str) -> bytes:
    body = json.dumps({"instances": [{"text": text}]}, ensure_ascii=False).encode()
    head = f"POST /v1/models/{model}:predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def latencies_us(port: int, requests: list[bytes], warm_ups: int, count: int) -> list[float]:
    """Sorted wall times in microseconds; every answer must be a 200."""
    connection, times = Connection(port), []
    for number in range(warm_ups + count):
        request = requests[number % len(requests)]
        started = time.perf_counter_ns()
        status, body = connection.send(request)
        times.append((time.perf_counter_ns() - started) / 1000)
        if status != 200:
            stop(f"status {status}: {body.decode(errors='replace')}", "does the registry hold this model?")
    return sorted(times[warm_ups:])


def memory_mb(pid: int, key: str) -> float:
    """`VmRSS` (now) or `VmHWM` (at most, so far), in MB of a million bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(rf"{key}:\s+(\d+) kB", status).group(1)) * 1024 / 1e6


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--registry", type=Path, default=ROOT / "tests/peers/banking77/registry")
    arguments.add_argument("--model", default="intent")
    arguments.add_argument("--texts", type=Path, help="CSV with a column `text` (default: the BANKING77 questions)")
    arguments.add_argument("--starts", type=int, default=5, help="how often the start is timed; the slowest counts")
    arguments.add_argument("--requests", type=int, default=5000)
    arguments.add_argument("--warm-ups", type=int, default=500)
    arguments.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    chosen = arguments.parse_args()
    if not chosen.registry.is_dir():
        stop(f"there is no registry {chosen.registry}", "deskmill -C tests/peers/banking77 run")

    with open(chosen.texts or data_file("banking77/train.csv"), encoding="utf-8", newline="") as lines:
        requests = [predict_request(chosen.model, row["text"]) for row in csv.DictReader(lines)]
    # Every text comes about equally often, and neighbours in the file, which are alike, do not follow each other.
    requests = [requests[number * 7919 % len(requests)] for number in range(len(requests))]

    ready_ms = []
    for _ in range(chosen.starts - 1):
        with server(chosen.registry) as (_, _, seconds):
            ready_ms.append(seconds * 1000)
    with server(chosen.registry) as (process, port, seconds):
        ready_ms.append(seconds * 1000)
        times = latencies_us(port, requests, chosen.warm_ups, chosen.requests)
        rss_mb, peak_mb = memory_mb(process.pid, "VmRSS"), memory_mb(process.pid, "VmHWM")

    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    slowest, starts = max(ready_ms), f"start to ready, slowest of {chosen.starts}"
    figures = [
        Figure(starts, f"{slowest:.0f} ms", f"<= {READY_MAX_MS} ms", slowest <= READY_MAX_MS),
        Figure("resident memory after the load", f"{rss_mb:.0f} MB", f"<= {RSS_MAX_MB} MB", rss_mb <= RSS_MAX_MB),
        Figure("resident memory at most", f"{peak_mb:.0f} MB"),
        Figure("latency p50", f"{p50:.0f} us", f"<= {P50_MAX_US} us", p50 <= P50_MAX_US),
        Figure("latency p99", f"{p99:.0f} us"),
    ]
    met = show(f"{chosen.model}: {len(times)} requests of one text each over one connection", figures)
    return 1 if chosen.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
