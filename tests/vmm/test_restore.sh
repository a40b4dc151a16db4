#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Real guests saved and restored again and again until they end well, with each kind of Local APIC. Prints TAP.
# Not what a file holds, and why it may be refused: test_save.c.
set -u
. "$(dirname "$0")/cli.sh"
guests=$(dirname "$LAPICVM")/guests
file=$tmp/machine.lvm

# A guest is cut short up to TIMES times, then ends by itself: what it counts and measures must be right over all of that.
again() { # TIMES SECONDS GUEST FIRST-OPTIONS NEXT-OPTIONS [GUEST-ARGUMENTS...]
	times=$1 seconds=$2 guest=$3 first=$4 next=$5
	shift 5
	rm -f "$file"
	"$LAPICVM" run "$guests/$guest.elf" $first --timeout "$seconds" --save "$file" -- "$@" >"$out" 2>"$err" </dev/null
	got=$?
	cut=0
	while [ $got = 124 ] && [ $cut -lt "$times" ]; do
		cut=$((cut + 1))
		grep -q "^lapicvm: saved $file: [0-9]* bytes$" "$err" || break
		limit=$seconds
		[ $cut = "$times" ] && limit=60
		"$LAPICVM" run --restore "$file" $next --timeout $limit --save "$file" >"$out" 2>"$err" </dev/null
		got=$?
	done
	# On a slow host its time may be over before.
	[ $cut -ge $((times / 2)) ] || got="$got after $cut"
	is "$got" 0 "$guest $* ($first; $next) ends well though it was cut short again and again"
	echo "# $cut times"
}

# --- no guest --------------------------------------------------------------------------------------
printf 'LAPICVM\0\1\0\0\0' >"$tmp/short"
ends 65 bad-image run --restore "$0"
holds "$err" "cannot restore $0: it does not begin as a machine saved by lapicvm does"
ends 65 bad-image run --restore "$tmp/short"
holds "$err" "cannot restore $tmp/short: it is cut short after 12 bytes"
ends 66 unreadable run --restore "$tmp/none"
ends 66 unreadable run --restore "$tmp"
ends 64 usage run --restore "$tmp/short" -m 64
ends 74 output-failed run --save "$tmp/none/f" image
holds "$err" "cannot write $tmp/none/f: No such file or directory"

if ! { [ -r /dev/kvm ] && [ -w /dev/kvm ] && [ -r "$guests/hops.elf" ]; }; then
	skip "guests that are saved" "/dev/kvm cannot be opened, or the guests are not built"
	echo "1..$count"
	exit
fi

# --- again and again -------------------------------------------------------------------------------
again 3 0.3 hops "-smp 2" "" ms=2500
again 3 0.3 hops "-smp 2" "--hop=20" ms=2500 x2apic
again 3 0.3 hops "-smp 2 --lapic=kernel" "--lapic=kernel" ms=2500
again 2 0.5 timer_periodic "" ""
again 2 0.3 level "-smp 3" ""

# --- one saved guest -------------------------------------------------------------------------------
"$LAPICVM" run "$guests/hops.elf" -smp 2 --timeout 0.5 --save "$file" >"$out" 2>"$err" </dev/null
is $? 124 "an end from outside keeps its status"
is "$(grep -c 'the machine at its end' "$err")" 0 "a guest that was saved is not told as one that died"
cp "$file" "$tmp/good"
ends 124 timeout run --restore "$file" --timeout 0.2
cmp -s "$file" "$tmp/good"
is $? 0 "restoring leaves the file alone"
"$LAPICVM" run --restore "$file" --timeout 0.2 --save /dev/full >"$out" 2>"$err" </dev/null
is $? 74 "a full disk ends with 74"
holds "$err" "cannot save /dev/full: writing it: No space left on device; the run itself ended with timeout code=124"
(ulimit -f 16 && "$LAPICVM" run --restore "$file" --timeout 0.2 --save "$file" >"$out" 2>"$err" </dev/null)
is $? 74 "a file that may not grow ends with 74"
cmp -s "$file" "$tmp/good"
is $? 0 "... and what was there before is there still"

# Killed at any moment, the file is the one before or the one after: both go on.
for pause in 0.30 0.32 0.34 0.36 0.38 0.40 0.42 0.44; do
	"$LAPICVM" run --restore "$file" --timeout 0.25 --save "$file" >"$out" 2>"$err" </dev/null &
	pid=$!
	sleep $pause
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
done
ends 124 timeout run --restore "$file" --timeout 0.2
head -c 100000 "$tmp/good" >"$tmp/cut"
ends 65 bad-image run --restore "$tmp/cut"
holds "$err" "it is cut short, or damaged"
printf 'x' | dd of="$tmp/good" bs=1 seek=150000 conv=notrunc 2>/dev/null
ends 65 bad-image run --restore "$tmp/good"
holds "$err" "it is damaged: its checksum is"

# --- the monitor -----------------------------------------------------------------------------------
{
	sleep 0.5
	printf '\001csave %s\nquit\n' "$file.2"
	sleep 2
} | "$LAPICVM" run "$guests/hops.elf" -smp 2 --timeout 60 >"$out" 2>"$err"
is $? 0 "the monitor's quit ends a run"
holds "$out" "Saved $file.2: "
ends 0 guest-exit run --restore "$file.2" --timeout 60

echo "1..$count"
