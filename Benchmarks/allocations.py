#!/usr/bin/env python3
"""Heap allocations of the server for each operation, once warm: counted in the running server, not reasoned about.

    allocations.py [--accept]

smbtorture's benches are the load (one connection, depth 1, after a run that warms up); a preloaded library counts. Each
runs for two lengths of time, and the difference counts: what a bench does once (log in, open a file) is in both. The
number is held by Benchmarks/allocations.txt in both directions: more is a failure, and so is less that nobody wrote down.
READ, WRITE and ECHO are to be 0; below 0.05 counts as 0.
"""
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
HELD = ROOT / "Benchmarks/allocations.txt"
SECONDS = (1, 4)
ROWS = {
    "echo": ["smb2.bench.echo"],
    "read 4 KiB": ["smb2.bench.read"],
    "write 4 KiB": ["smb2.bench.write"],
    "read 1 MiB": ["--option=torture:io_size=1048576", "smb2.bench.read"],
    "write 1 MiB": ["--option=torture:io_size=1048576", "smb2.bench.write"],
    "read 4 KiB signed": ["--client-protection=sign", "smb2.bench.read"],
    "read 4 KiB sealed": ["--client-protection=encrypt", "smb2.bench.read"],
    "write 4 KiB sealed": ["--client-protection=encrypt", "smb2.bench.write"],
    "open + close": ["--option=torture:bench_path=", "smb2.bench.path-contention-shared"],
}


def held():
    rows = {}
    for line in HELD.read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, number = line.rpartition("  ")
            rows[name.strip()] = float(number)
    return rows


def main():
    base = pathlib.Path(tempfile.mkdtemp(prefix="apus-allocations."))
    os.chmod(base, 0o711)
    counter, library = base / "count", base / "count.so"
    compiler = shutil.which("clang") or shutil.which("cc")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, ROOT / "Benchmarks/count_allocations.c"], check=True)
    wrapper = base / "apus"
    program = os.environ.get("APUS", str(ROOT / ".build/release/apus"))
    wrapper.write_text(f'#!/bin/bash\nexport LD_PRELOAD={library} ALLOCATION_COUNT={counter}\nexec -a "$0" {program} "$@"\n')
    wrapper.chmod(0o755)
    failed = passed = 0
    found = {}
    try:
        environment = {**os.environ, "APUS": program, "SERVER_WRAPPER": str(wrapper)}
        subprocess.run([ROOT / "lab/server", "start", "apus", base / "server"], check=True, env=environment)
        values = dict(re.findall(r"(\w+)=(\S+)", (base / "server/environment").read_text()))
        target = [ROOT / "lab/peers", "smbtorture", f"//{values['HOST']}/{values['SHARE']}", "-p", values["PORT"],
                  "-U", f"{values['USER1']}%{values['PASS1']}", "-s", "/dev/null", "--option=torture:nprocs=1",
                  "--option=torture:qdepth=1", "--option=torture:progress=no"]

        def count():
            return struct.unpack("Q", counter.read_bytes()[:8])[0]

        def bench(options, seconds):
            done = subprocess.run([*target, f"--option=torture:timelimit={seconds}", *options], text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=180)
            rate = re.search(r"second: \w+\[num/s=([\d,]+)", done.stdout + done.stderr)
            return float(rate.group(1).replace(",", "")) * seconds if rate else None

        expected = held()
        for name, options in ROWS.items():
            bench(options, 1)
            samples = []
            for seconds in SECONDS:
                before = count()
                operations = bench(options, seconds)
                samples.append((operations, count() - before))
            (few, once), (many, most) = samples
            if not few or not many or many <= few:
                failed += 1
                print(f"not ok - allocations, {name}: the bench failed")
                continue
            each = (most - once) / (many - few)
            found[name] = 0.0 if abs(each) < 0.05 else round(each, 1)
            was = expected.get(name)
            good = "--accept" in sys.argv or was is not None and abs(found[name] - was) <= max(0.1, was * 0.05)
            passed, failed = passed + good, failed + (not good)
            print(f"{'ok' if good else 'not ok'} - allocations, {name}: {found[name]} each, {was} in allocations.txt", flush=True)
    finally:
        subprocess.run([ROOT / "lab/server", "stop", base / "server"], check=False)
        shutil.rmtree(base, ignore_errors=True)
    if "--accept" in sys.argv:
        head = [line for line in HELD.read_text().splitlines() if line.startswith("#")]
        HELD.write_text("\n".join(head + [f"{name}  {number}" for name, number in found.items()]) + "\n")
    return 1 if failed else 0


sys.exit(main())
