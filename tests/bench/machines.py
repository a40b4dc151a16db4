# SPDX-License-Identifier: BSD-2-Clause
# The columns: how each machine is started with the benchmark guest, and what the guest said.
# Not what the words mean: rows are judged by who asked for them.
import json
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field

import host
from samples import Samples

LIMIT_S = 120      # of one boot
SETTLE_S = 0.2     # from "begin" to the first look at the counters
EXIT_PORT = "isa-debug-exit,iobase=0xf4,iosize=4"


@dataclass
class Column:
    name: str
    says: str                  # in one line, what it is
    command: object            # (cpus, guest's arguments) -> argv
    passed: int                # its exit status when the guest wrote 0
    most_cpus: int = 1024
    x2apic: bool = True
    only: tuple = ()           # groups that it takes part in; (): all


@dataclass
class Said:
    """What one boot of the guest said."""
    rows: dict = field(default_factory=dict)
    cpus: list = field(default_factory=list)    # of "many": {ticks, loops, late}
    beats: list = field(default_factory=list)   # (host seconds, guest TSC)
    counted: dict = None                        # host.Counters over the window
    why_not_counted: str = None
    failed: str = None


def lapicvm(program, image, kind, *more):
    def command(cpus, words):
        return [program, "run", image, "-smp", str(cpus), f"--lapic={kind}", *more, "--timeout", str(LIMIT_S), "--", *words]
    return command


def qemu(image, irqchip, cpu):
    def command(cpus, words):
        return ["qemu-system-x86_64", "-M", f"pc,accel=kvm,kernel_irqchip={irqchip}", "-cpu", cpu, "-smp", str(cpus),
                "-m", "128", "-display", "none", "-nodefaults", "-serial", "stdio", "-no-reboot",
                "-device", EXIT_PORT, "-kernel", image, "-append", " ".join(words)]
    return command


def columns(program, image):
    """All that this host has, and a line about what it has not."""
    found = [Column("user", "lapicvm, this Local APIC", lapicvm(program, image, "user"), 0),
             Column("kernel", "lapicvm --lapic=kernel: KVM's, split irqchip", lapicvm(program, image, "kernel"), 0),
             Column("pv-eoi", "lapicvm --pv-eoi: EOIs by a word in memory", lapicvm(program, image, "user", "--pv-eoi"), 0,
                    only=("idle",))]
    if not shutil.which("qemu-system-x86_64"):
        return found, "qemu-system-x86_64 is not installed (Debian: qemu-system-x86): its two columns are left out"
    version = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=False)
    version = version.stdout.split("\n", 1)[0]
    found.append(Column("qemu-off", f"{version}, kernel_irqchip=off: one CPU, xAPIC, no TSC deadline",
                        qemu(image, "off", "qemu64"), 1, 1, False))
    found.append(Column("qemu-on", f"{version}, kernel_irqchip=on",
                        qemu(image, "on", "qemu64,+x2apic,+tsc-deadline"), 1))
    return found, None


def fields(words):
    return {key: int(value) for key, value in (word.split("=") for word in words)}


def listen(lines, said, begun):
    row = None
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0] == "row":
            row = said.rows[words[1]] = Samples(fields(words[2:]))
        elif words[0] == "h" and row:
            for pair in words[1:]:
                bucket, n = pair.split(":")
                row.buckets[int(bucket)] = int(n)
        elif words[0] == "cpu":
            said.cpus.append(fields(words[2:]))
        elif words[0] == "beat":
            said.beats.append((time.monotonic(), int(words[1])))
        elif words[0] == "begin":
            begun.set()
        elif words[0] in ("FAIL:", "skipped:"):
            said.failed = line.strip()


def count(process, begun, said, seconds):
    """Reads the host's counters at two moments between the guest's "begin" and "end"."""
    while not begun.wait(0.05):
        if process.poll() is not None:
            return
    time.sleep(SETTLE_S)
    try:
        counters = host.Counters(process.pid)
        time.sleep(seconds)
        said.counted = counters.read()
        said.why_not_counted = counters.why_not
        counters.close()
    except OSError as error:
        said.why_not_counted = str(error)


def boot(column, cpus, words, window=0):
    """Runs the guest once. window: for so many seconds after its "begin" the host's counters are kept."""
    said, begun = Said(), threading.Event()
    process = subprocess.Popen(column.command(cpus, words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, errors="replace")
    errors = []
    readers = [threading.Thread(target=listen, args=(process.stdout, said, begun)),
               threading.Thread(target=lambda: errors.extend(process.stderr))]
    killer = threading.Timer(LIMIT_S + 10, process.kill)
    for thread in [*readers, killer]:
        thread.start()
    if window:
        count(process, begun, said, window)
    status = process.wait()
    killer.cancel()
    for thread in readers:
        thread.join()
    if not said.failed and status != column.passed:
        last = errors[-1].strip() if errors else "nothing on standard error"
        said.failed = f"status {status}: {last}"
    for name, row in said.rows.items():
        if not row.complete():
            said.failed = said.failed or f"row {name} was cut short"
    return said


def doctor(program):
    found = subprocess.run([program, "doctor", "--json"], capture_output=True, text=True, check=False)
    return json.loads(found.stdout)
