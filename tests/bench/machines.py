# SPDX-License-Identifier: BSD-2-Clause
# The columns: how each machine is started with the benchmark guest, and what the guest said.
# Not what the words mean: rows are judged by who asked for them.
import ctypes
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

import host
from samples import Samples

LIMIT_S = 120      # of one boot
SETTLE_S = 0.2     # from "begin" to the first look at the counters
EXIT_PORT = "isa-debug-exit,iobase=0xf4,iosize=4"
PR_SET_PDEATHSIG = 1
# Ctrl-a c, a command that knows no answer but its usage, and how that begins.
MONITOR, QUESTION, ANSWER = b"\1c", b"info\r", "info what?"
ANSWER_S, ASK_EVERY_S = 10, 0.05
TIMED_OUT, HALTED_FOR_EVER = 124, 97    # lapicvm's


@dataclass
class Column:
    name: str
    says: str                  # in one line, what it is
    options: str               # that make it so
    command: object            # (cpus, guest's arguments) -> argv
    passed: int                # its exit status when the guest wrote 0
    most_cpus: int = 1024
    x2apic: bool = True
    ours: bool = False         # this Local APIC: what is wrong there fails the run
    crowd: bool = False        # more CPUs than cores are asked of it


@dataclass
class Said:
    """What one boot of the guest said."""
    rows: dict = field(default_factory=dict)
    cpus: list = field(default_factory=list)    # of "many": {ticks, loops, late, gap}
    answers: list = field(default_factory=list) # of lapicvm's monitor, so many seconds after the question
    by_word: tuple = None                       # paravirtual EOIs that were allowed, of so many
    ended: bool = False                         # the group that began has ended
    begun: str = None                           # the last row or group that it began
    counted: dict = None                        # host.Counters over the window
    why_not_counted: str = None
    failed: str = None


def lapicvm(program, image, name, says, options):
    def command(cpus, words):
        return [program, "run", image, "-smp", str(cpus), *shlex.split(options), "--timeout", str(LIMIT_S), "--", *words]
    kernel = "--lapic=kernel" in options
    return Column(name, says, options, command, 0, ours=not kernel, crowd=True)


def qemu(image, name, says, options, **limits):
    def command(cpus, words):
        return ["qemu-system-x86_64", *shlex.split(options), "-smp", str(cpus),
                "-m", "128", "-display", "none", "-nodefaults", "-serial", "stdio", "-no-reboot",
                "-device", EXIT_PORT, "-kernel", image, "-append", " ".join(words)]
    return Column(name, says, options, command, 1, **limits)


def columns(program, image, extra):
    """All that this host has, extra ones as (name, options of lapicvm), and a line about what it has not."""
    found = [lapicvm(program, image, "user", "lapicvm, this Local APIC", "--lapic=user")]
    found += [lapicvm(program, image, name, "lapicvm, as asked", options if "--lapic" in options else
                      f"--lapic=user {options}") for name, options in extra]
    found.append(lapicvm(program, image, "kernel", "lapicvm, KVM's Local APIC, split irqchip", "--lapic=kernel"))
    if not shutil.which("qemu-system-x86_64"):
        return found, "qemu-system-x86_64 is not installed (Debian: qemu-system-x86): its two columns are left out"
    version = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=False)
    version = version.stdout.split("\n", 1)[0]
    found.append(qemu(image, "qemu-off", f"{version}: one CPU, xAPIC, no TSC deadline",
                      "-M pc,accel=kvm,kernel_irqchip=off -cpu qemu64", most_cpus=1, x2apic=False))
    found.append(qemu(image, "qemu-on", version,
                      "-M pc,accel=kvm,kernel_irqchip=on -cpu qemu64,+x2apic,+tsc-deadline"))
    return found, None


def fields(words):
    return {key: int(value) for key, value in (word.split("=") for word in words)}


def where(said):
    return f"in {said.begun}" if said.begun else "before its first row"


def clocks(pid):
    """CPU time of all threads of a process, and time; ns."""
    try:
        # The kernel's number for that clock: clock_getcpuclockid(3).
        return time.clock_gettime_ns(~pid << 3 | 2), time.monotonic_ns()
    except OSError:
        return None


def listen(process, said, begun, answered):
    row = began = ended = None
    for line in process.stdout:
        words = line.split()
        if not words:
            continue
        if words[0] == "row":
            ended = ended or clocks(process.pid)
            row = said.rows[words[1]] = Samples(fields(words[2:]))
            if began and ended:
                row.cpu_ns, row.ns = (b - a for a, b in zip(began, ended))
        elif words[0] == "h" and row:
            for pair in words[1:]:
                bucket, n = pair.split(":")
                row.buckets[int(bucket)] = int(n)
        elif words[0] == "cpu":
            said.cpus.append(fields(words[2:]))
        elif words[0] == "end":
            said.ended = True
        elif words[0] == "word":
            said.by_word = tuple(int(word) for word in words[1:3])
        elif line.startswith(ANSWER):
            answered.set()
        elif words[0] == "begin":
            began, ended, said.begun = clocks(process.pid), None, words[1]
            begun.set()
        elif words[0] in ("FAIL:", "skipped:"):
            said.failed = f"{where(said)}: {line.strip()}"


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
        if said.ended:
            said.counted, counters.why_not = None, "an idle guest, once: it had ended before that"
        said.why_not_counted = counters.why_not
        counters.close()
    except OSError as error:
        said.why_not_counted = str(error)


def ask(process, begun, answered, said, seconds):
    """What the loop answers by itself, with no processor of the guest: so this is the loop's own delay."""
    while not begun.wait(0.05):
        if process.poll() is not None:
            return
    try:
        os.write(process.stdin.fileno(), MONITOR)
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None:
            answered.clear()
            asked = time.monotonic()
            os.write(process.stdin.fileno(), QUESTION)
            answered.wait(ANSWER_S)
            said.answers.append(time.monotonic() - asked)
            time.sleep(ASK_EVERY_S)
        os.write(process.stdin.fileno(), MONITOR)
    except BrokenPipeError:
        pass


def die_with_me():
    host.libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))


def boot(column, cpus, words, window=0, asking=0):
    """Runs the guest once. For so many seconds after its "begin": window, the host's counters are kept; asking, the
    monitor has to answer."""
    said, begun, answered, errors = Said(), threading.Event(), threading.Event(), []
    # In a group of its own, so that a Ctrl-C comes here alone: whatever ends this ends the guest.
    process = subprocess.Popen(column.command(cpus, words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
                               preexec_fn=die_with_me)
    readers = [threading.Thread(target=listen, args=(process, said, begun, answered)),
               threading.Thread(target=lambda: errors.extend(process.stderr))]
    killer = threading.Timer(LIMIT_S + 10, process.kill)
    for thread in [*readers, killer]:
        thread.start()
    try:
        if window:
            count(process, begun, said, window)
        if asking:
            ask(process, begun, answered, said, asking)
        status = process.wait()
    finally:
        process.kill()
        process.wait()
        killer.cancel()
        for thread in readers:
            thread.join()
    said.failed = said.failed or why_failed(column, said, status, errors)
    return said


def why_failed(column, said, status, errors):
    if status in (TIMED_OUT, -signal.SIGKILL):
        return f"{where(said)}: an interrupt was lost, or the host stands still: no end within {LIMIT_S} s"
    if status == HALTED_FOR_EVER and column.passed == 0:
        return f"{where(said)}: an interrupt was lost: halted for ever"
    if status != column.passed:
        # The line before "result: ..." says it in words.
        return f"{where(said)}: status {status}: {'; '.join(map(str.strip, errors[-2:])) or 'nothing on standard error'}"
    cut = [name for name, row in said.rows.items() if not row.complete()]
    return f"row {cut[0]} was cut short" if cut else None


def doctor(program):
    found = subprocess.run([program, "doctor", "--json"], capture_output=True, text=True, check=False)
    return json.loads(found.stdout)
