"""An engine for tests: python engine.py PORT [KNOB=VALUE …]

ignore=TERM    does not end when asked to
family=FILE    has a child in its session, a grandchild that left it, one that left twice; pids to FILE
after=FILE     listens once FILE is there
clean=yes      becomes itself once more, with nothing of its environment
title=TEXT     writes it over its arguments and its environment, as setproctitle does
status=FILE    answers with the status that FILE holds; without it 200
says=TEXT      a line on standard output
lines=N        as many lines
code=N         ends with that code instead of listening
signal=N       ends by that signal
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CHILD = """
import os, subprocess, sys, time, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
depth = int(sys.argv[1])
pids = [os.getpid()]
if depth:
    again = [sys.executable, "-c", sys.argv[2], str(depth - 1), sys.argv[2]]
    child = subprocess.Popen(again, start_new_session=True, stdout=subprocess.PIPE, text=True)
    pids.append(child.stdout.readline().strip())
print(*pids, flush=True)
time.sleep(600)
"""


def main(port: int, knobs: dict[str, str]) -> None:
    if "ignore" in knobs:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "title" in knobs:
        write_over_environment(knobs["title"].encode())
    if "says" in knobs:
        print(knobs["says"], flush=True)
    for number in range(int(knobs.get("lines", "0"))):
        print(f"line {number}", flush=True)
    if "family" in knobs:
        have_family(Path(knobs["family"]))
    while "after" in knobs and not Path(knobs["after"]).exists():
        time.sleep(0.01)
    if "code" in knobs:
        sys.exit(int(knobs["code"]))
    if "signal" in knobs:
        os.kill(os.getpid(), int(knobs["signal"]))
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            answer(listener, Path(knobs.get("status", "/nowhere")))


def have_family(file: Path) -> None:
    command = [sys.executable, "-c", CHILD, "2", CHILD]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    pids = child.stdout.readline()
    draft = file.with_suffix(".new")
    draft.write_text(pids)
    draft.rename(file)


def write_over_environment(title: bytes) -> None:
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, _, _, end = map(int, fields[45:49])
    ctypes.memmove(begin, title.ljust(end - begin, b"\0"), end - begin)


def answer(listener: socket.socket, status: Path) -> None:
    connection, _ = listener.accept()
    with connection:
        if connection.recv(65536):
            code = status.read_text().strip() if status.exists() else "200"
            connection.sendall(f"HTTP/1.1 {code} X\r\nContent-Length: 0\r\n\r\n".encode())


if __name__ == "__main__":
    if "clean=yes" in sys.argv:
        argv = [word for word in sys.argv if word != "clean=yes"]
        os.execve(sys.executable, [sys.executable, *argv], {"A": "B"})
    main(int(sys.argv[1]), dict(word.split("=", 1) for word in sys.argv[2:]))
