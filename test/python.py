"""The library from another language: Python's ctypes starts C functions of a shared library by every method.

Usage: python.py LIBBEGET MODULE. A line for each check, "ok" or what is wrong; exits with 0 if all is well."""
import ctypes
import os
import signal
import sys
from ctypes import POINTER, byref, c_bool, c_char_p, c_int, c_int64, c_size_t, c_uint, c_uint8, c_void_p

FORKSERVER, SPAWN, FORK = range(3)
RUNNING, EXITED, SIGNALED, FAILED, LOST = range(5)
INT, STRING, BYTES, FD = 7, 15, 17, 18  # enum beget_type


class Stream(ctypes.Structure):
    _fields_ = [("kind", c_int), ("fd", c_int), ("end", POINTER(c_int)), ("path", c_char_p)]


class Options(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("method", c_int), ("flags", c_uint), ("name", c_char_p), ("cwd", c_char_p),
                ("env", POINTER(c_char_p)), ("stdin", Stream), ("stdout", Stream), ("stderr", Stream)]


class Status(ctypes.Structure):
    _fields_ = [("outcome", c_int), ("code", c_int), ("core_dumped", c_bool), ("reserved8", c_uint8 * 7),
                ("user_us", c_int64), ("system_us", c_int64), ("peak_kib", c_int64), ("reserved", c_int64 * 11)]


class Arg(ctypes.Structure):
    _fields_ = [("type", c_uint), ("flags", c_uint), ("size", c_size_t), ("value", c_void_p), ("layout", c_void_p)]


class Call(ctypes.Structure):
    _fields_ = [("function", c_void_p), ("result", c_uint), ("n", c_uint), ("args", POINTER(Arg)), ("named", c_uint),
                ("flags", c_uint), ("size", c_size_t), ("layout", c_void_p)]


class Bytes(ctypes.Structure):
    _fields_ = [("data", c_char_p), ("size", c_size_t)]


beget = ctypes.CDLL(sys.argv[1])
module = ctypes.CDLL(sys.argv[2])
beget.beget_error.restype = c_char_p
beget.beget_free.argtypes = [c_void_p]
beget.beget_join.argtypes = [c_void_p, c_int, POINTER(Status)]
beget.beget_result_as.argtypes = [c_void_p, c_uint, c_size_t, c_void_p]

CTYPES = {INT: c_int, STRING: c_char_p, BYTES: Bytes, FD: c_int}


def run(method, function, result, *args):
    """args are pairs of a type and a value. Returns outcome, code and what the function returned."""
    values = [CTYPES[kind](*(value if kind == BYTES else (value,))) for kind, value in args]
    array = (Arg * max(len(args), 1))()
    for i, (kind, _) in enumerate(args):
        array[i] = Arg(type=kind, value=ctypes.cast(byref(values[i]), c_void_p))
    call = Call(function=ctypes.cast(function, c_void_p), result=result, n=len(args), args=array)
    options = Options(size=ctypes.sizeof(Options), method=method)
    process, status, value = c_void_p(), Status(), CTYPES[result]()
    if beget.beget_start(byref(process), byref(options), byref(call)) < 0:
        return "refused", 0, beget.beget_error().decode()
    beget.beget_join(process, 30000, byref(status))
    got = None
    if beget.beget_result_as(process, result, ctypes.sizeof(value), byref(value)) == 0:
        got = value.value
    beget.beget_free(process)
    return status.outcome, status.code, got


failures = 0


def check(name, got, expected):
    global failures
    failures += got != expected
    print("%s: %s" % (name, "ok" if got == expected else "%r, not %r" % (got, expected)))


for method, name in enumerate(("forkserver", "spawn", "fork")):
    check(name + ": a result", run(method, module.plugin_add, INT, (INT, 2), (INT, 3)), (EXITED, 0, 5))
    check(name + ": a string there and back", run(method, module.plugin_greet, STRING, (STRING, b"Ada")),
          (EXITED, 0, b"Hello, Ada"))
    check(name + ": large bytes", run(method, module.plugin_sum, INT, (BYTES, (b"\1" * 1000000, 1000000))),
          (EXITED, 0, 1000000))
    out, into = os.pipe()
    check(name + ": a descriptor", run(method, module.plugin_write, INT, (FD, into), (STRING, b"hi")), (EXITED, 0, 2))
    check(name + ": what was written to it", os.read(out, 10), b"hi")
    os.close(out)
    os.close(into)
    check(name + ": a crash", run(method, module.plugin_crash, INT), (SIGNALED, signal.SIGSEGV, None))
    check(name + ": an exit", run(method, module.plugin_exit, INT, (INT, 7)), (EXITED, 7, None))

sys.exit(failures != 0)
