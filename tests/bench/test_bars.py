#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# When a bar is met, missed, or has nothing to be held against. Prints TAP.
# Not what is measured: no guest runs.
import sys

sys.dont_write_bytecode = True
import bars  # noqa: E402

count = failures = 0


def says(wanted, name, what, backend="kvm_pvm", **measured):
    """That bar of what was measured: {row: {"user": ..., "kernel": ...}}."""
    global count, failures
    results = {"header": {"backend": backend}, "rows": {}, "idle": {}, "many": {}, **measured}
    found = {bar["name"]: bar["measured"]["user"]["verdict"] for bar in bars.held(results, ["user"])}[name]
    count, failures = count + 1, failures + (found != wanted)
    print("ok" if found == wanted else "not ok", f"{count} - {what}: {found}", flush=True)


def timer(own, kernel, samples=10000):
    return {"timer_deadline_hlt": {"user": {"p50": own, "count": samples}, "kernel": {"p50": kernel, "count": 10000}}}


def exits(own, port, empty, samples=10000):
    names = ("x2apic_rd_tpr", "port:x2apic_rd_tpr", "rdtsc_rdtsc")
    return {name: {"user": {"p50": p50, "count": samples}} for name, p50 in zip(names, (own, port, empty))}


def crowd(least, median):
    return {"many_64": {"user": {"ticks_least": least, "ticks_median": median}}}


says("met", "timer_hlt", "as fast as KVM's", rows=timer(20, 20))
says("MISSED", "timer_hlt", "slower than KVM's", rows=timer(21, 20))
says("not measured", "timer_hlt", "nothing was measured")
says("not measured", "timer_hlt", "three samples are no median", rows=timer(10, 20, 3))
says("of kvm_pvm only", "timer_cpl0", "a bar of one backend", backend="kvm")
says("met", "rdmsr", "within 3 % of a port", rows=exits(1130, 1100, 100))
says("MISSED", "rdmsr", "4 % beside a port", rows=exits(1140, 1100, 100))
says("not measured", "rdmsr", "an access that was made three times", rows=exits(1100, 1100, 100, 3))
says("met", "tick_syscalls", "the worst of two ticks meets it",
     idle={"idle_100hz": {"user": {"other_syscalls": 2}}, "idle_1000hz": {"user": {"other_syscalls": 3}}})
says("MISSED", "tick_syscalls", "the worst of two ticks misses it",
     idle={"idle_100hz": {"user": {"other_syscalls": 2}}, "idle_1000hz": {"user": {"other_syscalls": 3.5}}})
says("not measured", "tick_syscalls", "the worst of two of which one failed",
     idle={"idle_100hz": {"user": {"other_syscalls": 2}}})
says("met", "many_64", "all have their ticks", many=crowd(8, 10))
says("MISSED", "many_64", "one has less than half", many=crowd(4, 10))
says("not measured", "many_64", "all had next to none", many=crowd(1, 1))
print(f"1..{count}")
sys.exit(failures != 0)
