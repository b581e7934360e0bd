#!/usr/bin/env python3
"""The peer CPython: multiprocessing by each of its three methods. See peer.h for what it is asked and answers."""
import ctypes
import mmap
import multiprocessing
import os
import sys
import threading
import time

METHODS = "fork", "forkserver", "spawn"


def target(path):
    now = time.monotonic_ns()
    with open(path, "r+b", buffering=0) as note:
        note.write(now.to_bytes(8, sys.byteorder))


def once(context, fd, path, alone=True):
    begin = time.monotonic_ns()
    process = context.Process(target=target, args=(path,))
    process.start()
    returned = time.monotonic_ns() - begin
    process.join()
    total = time.monotonic_ns() - begin
    if alone and process.exitcode != 0:
        sys.exit("bench: multiprocessing: the target failed")
    if process.exitcode is not None:
        process.close()
    first = int.from_bytes(os.pread(fd, 8, 0), sys.byteorder) - begin
    return first, returned, total


def run(context, n, threads, fd, path):
    # Threads of one program lose each other's exit codes (CPython's gh-148318): they then count as running.
    def some():
        for _ in range(n):
            once(context, fd, path, threads == 1)

    begin = time.monotonic_ns()
    others = [threading.Thread(target=some) for _ in range(threads - 1)]
    for thread in others:
        thread.start()
    some()
    for thread in others:
        thread.join()
    return time.monotonic_ns() - begin


def fill(size):
    if size == 0:
        return None
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    address = ctypes.c_char.from_buffer(memory)
    ctypes.memset(ctypes.addressof(address), 1, size)
    return memory


def main():
    contexts = [multiprocessing.get_context(method) for method in METHODS]
    fd = os.memfd_create("note")
    path = f"/proc/{os.getpid()}/fd/{fd}"
    memory = None
    for method in METHODS:
        print(f"CPython multiprocessing {method}")
    print(flush=True)
    for line in sys.stdin:
        word, *numbers = line.split()
        numbers = [int(number) for number in numbers]
        if word == "s":
            for _ in range(numbers[1]):
                print(*once(contexts[numbers[0]], fd, path), flush=True)
        elif word == "r":
            print(run(contexts[numbers[0]], numbers[1], numbers[2], fd, path), flush=True)
        elif word == "m":
            memory = None
            memory = fill(numbers[0])
            print(0, flush=True)
    del memory


if __name__ == "__main__":
    main()
