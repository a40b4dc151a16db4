# SPDX-License-Identifier: BSD-2-Clause
# What the host can say of a running process: CPU time, switches, system calls, KVM's exits.
# Not tracing: counters are read at two moments, and the process does not notice.
import ctypes
import fcntl
import os
import struct
import time
from pathlib import Path

TRACEFS = [Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing")]
KVM_RUN = 0xAE80

SYS_PERF_EVENT_OPEN = 298  # x86-64
PERF_TYPE_TRACEPOINT = 2
PERF_EVENT_IOC_SET_FILTER = 0x40082406
ATTR_BYTES = 112

# Name, tracepoint, filter.
EVENTS = [("syscalls", "raw_syscalls/sys_enter", None),
          ("kvm_run", "syscalls/sys_enter_ioctl", f"cmd=={KVM_RUN}"),
          ("exits", "kvm/kvm_exit", None)]

libc = ctypes.CDLL(None, use_errno=True)


def tracepoint(name):
    for root in TRACEFS:
        try:
            return int((root / "events" / name / "id").read_text())
        except OSError as error:
            why = error
    raise OSError(why.errno, f"tracepoint {name}: {why.strerror}; as root: mount -t tracefs nodev /sys/kernel/tracing")


def open_event(number, tid, event_filter):
    attr = bytearray(ATTR_BYTES)
    struct.pack_into("IIQ", attr, 0, PERF_TYPE_TRACEPOINT, ATTR_BYTES, number)
    fd = libc.syscall(SYS_PERF_EVENT_OPEN, (ctypes.c_char * ATTR_BYTES).from_buffer(attr), tid, -1, -1, 0)
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"perf_event_open: {os.strerror(error)}; it wants root or kernel.perf_event_paranoid = -1")
    if event_filter:
        fcntl.ioctl(fd, PERF_EVENT_IOC_SET_FILTER, event_filter.encode() + b"\0")
    return fd


class Counters:
    """Of all threads that the process has now; read() answers what was counted since then."""

    def __init__(self, pid):
        self.tasks = [Path(f"/proc/{pid}/task/{tid}") for tid in os.listdir(f"/proc/{pid}/task")]
        self.events, self.why_not = {}, None
        for name, point, event_filter in EVENTS:
            fds = []
            try:
                for task in self.tasks:
                    fds.append(open_event(tracepoint(point), int(task.name), event_filter))
                self.events[name] = fds
            except OSError as error:
                self.why_not = str(error)
                for fd in fds:
                    os.close(fd)
        self.first = self.look()

    def look(self):
        seen = {"ns": time.monotonic_ns(), "cpu_ns": 0, "switches": 0}
        for task in self.tasks:
            seen["cpu_ns"] += int((task / "schedstat").read_text().split()[0])
            for line in (task / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    seen["switches"] += int(line.split()[1])
        for name, fds in self.events.items():
            seen[name] = sum(struct.unpack("Q", os.read(fd, 8))[0] for fd in fds)
        return seen

    def read(self):
        now = self.look()
        return {name: now[name] - self.first[name] for name in now}

    def close(self):
        for fds in self.events.values():
            for fd in fds:
                os.close(fd)


def load():
    return [float(x) for x in Path("/proc/loadavg").read_text().split()[:3]]


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def busy_share(seconds):
    """What all of the host's CPUs together did in this time that was not idle, 0 .. 1."""
    def look():
        values = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(values), values[3] + values[4]

    total, idle = look()
    time.sleep(seconds)
    total2, idle2 = look()
    return 1 - (idle2 - idle) / max(total2 - total, 1)
