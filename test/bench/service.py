#!/usr/bin/env python3
"""Measures servers of the same model, which take turns: examples/service, the same with children kept by hand, and
gunicorn. Its arguments are the folder of the programs, the file of the model and the number of rounds. It prints raw
figures as bench.h describes them. wrk makes the requests."""
import atexit
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

WORKERS = 4
CLIENTS = 4
HERE = pathlib.Path(__file__).parent
MARK = "BENCH_SERVER"  # in the environment of all processes of a server


def unused_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def gunicorn(model, *options):
    address = f"127.0.0.1:{unused_port()}"
    application = f"peer_gunicorn:load('{os.path.abspath(model)}')"
    command = ["gunicorn", "--log-level", "error", "--pythonpath", HERE, "--bind", address, "--workers",
               str(WORKERS), *options, application]
    return command, f"http://{address}/predict"


def request(url):
    with urllib.request.urlopen(url, b"50 50", timeout=10) as answer:
        return answer.read()


def until(condition, *args):
    for _ in range(2000):
        if condition(*args):
            return
        time.sleep(0.005)
    sys.exit(f"bench: {condition.__name__} did not happen")


class Server:
    """reloads: SIGHUP loads the model again."""

    def __init__(self, name, command, url=None, reloads=False):
        self.name, self.reloads = name, reloads
        environment = {**os.environ, MARK: name}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        atexit.register(self.stop)
        self.url = url or self.process.stdout.readline().strip()
        until(self.is_ready)

    def is_ready(self):
        with contextlib.suppress(OSError):
            return len(self.workers()) == WORKERS and request(self.url)

    def processes(self):
        """Their numbers, with those of their parents."""
        found = {}
        mark = f"{MARK}={self.name}".encode()
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        return found

    def workers(self):
        processes = self.processes()
        return {pid for pid, parent in processes.items() if parent in processes}

    def row(self, figure, unit, value):
        print(f"service,{self.name},{WORKERS},{figure},{unit},{value:.3f}", flush=True)

    def load(self, seconds):
        return subprocess.Popen(["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}", "-s", HERE / "predict.lua", self.url],
                                stdout=subprocess.PIPE, text=True)

    @staticmethod
    def end_load(wrk):
        """Returns the number of requests, the time in microseconds, and the number of lost requests."""
        line, = (line for line in wrk.communicate()[0].splitlines() if line.startswith("summary"))
        return [int(number) for number in line.split()[1:]]

    def processor_us(self):
        """Of the workers, so far."""
        fields = (pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.workers())
        return sum(int(f[11]) + int(f[12]) for f in fields) * 1e6 / os.sysconf("SC_CLK_TCK")

    def measure_requests(self):
        before = self.processor_us()
        requests, us, lost = self.end_load(self.load(1))
        self.row("requests", "1/s", requests / us * 1e6)
        self.row("processor", "us", (self.processor_us() - before) / requests)
        if lost:
            sys.exit(f"bench: {self.name} lost {lost} requests")

    def measure_memory(self):
        workers, private, total = self.workers(), 0, 0
        for pid in self.processes():
            sizes = {}
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
                name, size = line.split(":")
                sizes[name] = int(size.split()[0]) / 1024
            total += sizes["Pss"]
            if pid in workers:
                self.row("worker", "MiB", sizes["Pss"])
                self.row("private", "MiB", sizes["Private_Clean"] + sizes["Private_Dirty"])
        self.row("all", "MiB", total)

    def measure_reload(self):
        """Under load, until the last of the old workers has ended."""
        wrk = self.load(3)
        time.sleep(1)
        old = self.workers()
        begin = time.monotonic()
        self.process.send_signal(signal.SIGHUP)

        def reloaded():
            return not old & self.workers()

        until(reloaded)
        self.row("reload", "ms", (time.monotonic() - begin) * 1000)
        self.row("lost", "1", self.end_load(wrk)[2])

    def stop(self):
        self.process.terminate()
        self.process.communicate()


def main():
    programs, model, rounds = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    servers = [
        Server("fork by hand", [programs / "peer_prefork", model, str(WORKERS)]),
        Server("beget service", [programs / "service", "serve", model, "0"], reloads=True),
        Server("gunicorn", *gunicorn(model), reloads=True),
        Server("gunicorn --preload", *gunicorn(model, "--preload")),  # never loads the model again
    ]
    answers = {request(server.url) for server in servers}
    if len(answers) != 1:
        sys.exit(f"bench: the servers predict different numbers: {answers}")
    for _ in range(rounds):
        for server in servers:
            server.measure_requests()
    for server in servers:
        server.measure_memory()
    for _ in range((rounds + 1) // 2):
        for server in servers:
            if server.reloads:
                server.measure_reload()


if __name__ == "__main__":
    main()
