"""How long from starting the program to a page that answers, against 3 seconds on 2 cores.

    python benchmarks/startup.py [times]

Starts app.py in an empty data folder, asks for "/" until the page comes, and stops it again. Prints
the seconds of each start and the verdict on the median.
"""

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

APP = Path(__file__).resolve().parent.parent / "app.py"
TARGET_SECONDS = 3.0
GIVE_UP_SECONDS = 120.0
PAUSE_SECONDS = 0.02


def main() -> int:
    """Measure; the exit status is 1 when the target is missed."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = [measure() for _ in range(times)]
    median = statistics.median(seconds)
    verdict = "reached" if median <= TARGET_SECONDS else "missed"
    print(f"starts: {', '.join(f'{value:.2f}' for value in seconds)} s")
    print(
        f"median {median:.2f} s on {os.cpu_count()} cores; "
        f"target {TARGET_SECONDS:g} s {verdict}; ratio {median / TARGET_SECONDS:.2f}"
    )
    return int(median > TARGET_SECONDS)


def measure() -> float:
    """Seconds from process start until "/" answered 200 with its whole body."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(APP), "--port", str(port), "--data-dir", folder]
        environment = {**os.environ, "COMMANDLINE_ARGS": ""}
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            while not answers(port):
                if process.poll() is not None or time.perf_counter() - started > GIVE_UP_SECONDS:
                    raise SystemExit("The program did not start; its own output is above.")
                time.sleep(PAUSE_SECONDS)
            return time.perf_counter() - started
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def answers(port: int) -> bool:
    """Whether the page comes back whole."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        return response.status == 200 and len(response.read()) > 0
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
