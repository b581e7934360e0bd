#!/usr/bin/env python3
"""The peer CPython for many small tasks: its executor and its pool. See pool.c for what it is asked: "t WAY N WORKERS
OUTSTANDING SIZE US", answered with the nanoseconds that all N took."""
import collections
import concurrent.futures
import multiprocessing
import sys
import time


def task(data, us):
    end = time.monotonic_ns() + us * 1000 if us else 0
    while us and time.monotonic_ns() < end:
        pass
    return data


def take(args):
    return task(*args)


class Executor:
    def __init__(self, workers):
        self.pool = concurrent.futures.ProcessPoolExecutor(workers)
        self.submit = self.pool.submit

    @staticmethod
    def result(future):
        return future.result()

    def map(self, n, data, us, chunk):
        return self.pool.map(task, (data for _ in range(n)), (us for _ in range(n)), chunksize=chunk)


class Pool:
    def __init__(self, workers):
        self.pool = multiprocessing.Pool(workers)

    def submit(self, function, *args):
        return self.pool.apply_async(function, args)

    @staticmethod
    def result(promise):
        return promise.get()

    def map(self, n, data, us, chunk):
        return self.pool.map(take, ((data, us) for _ in range(n)), chunksize=chunk)


# The name, the pool, the chunk size of a map; -1: submitted one by one.
WAYS = (
    ("CPython executor", Executor, -1),
    ("CPython executor map chunk 1", Executor, 1),
    ("CPython executor map chunk 100", Executor, 100),
    ("CPython Pool", Pool, -1),
    ("CPython Pool map chunk 1", Pool, 1),
    ("CPython Pool map chunk 100", Pool, 100),
)


def one_by_one(pool, n, outstanding, data, us):
    waiting = collections.deque()
    for _ in range(n):
        if len(waiting) == outstanding:
            pool.result(waiting.popleft())
        waiting.append(pool.submit(task, data, us))
    while waiting:
        pool.result(waiting.popleft())


def run(pool, chunk, n, outstanding, data, us):
    begin = time.monotonic_ns()
    if chunk < 0:
        one_by_one(pool, n, outstanding, data, us)
    else:
        collections.deque(pool.map(n, data, us, chunk), maxlen=0)
    return time.monotonic_ns() - begin


def main():
    pools = {}
    for name, _, _ in WAYS:
        print(name)
    print(flush=True)
    for line in sys.stdin:
        way, n, workers, outstanding, size, us = [int(number) for number in line.split()[1:]]
        _, kind, chunk = WAYS[way]
        if (kind, workers) not in pools:
            pools[kind, workers] = kind(workers)
        print(run(pools[kind, workers], chunk, n, outstanding, b"i" * size, us), flush=True)


if __name__ == "__main__":
    main()
