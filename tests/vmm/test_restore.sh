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
# Nobody may write there, not even root.
ends 74 output-failed run --save /sys/machine.lvm image
holds "$err" "cannot write /sys/machine.lvm: Permission denied"

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

head -c 100000 "$tmp/good" >"$tmp/cut"
ends 65 bad-image run --restore "$tmp/cut"
holds "$err" "it is cut short, or damaged"
printf 'x' | dd of="$tmp/good" bs=1 seek=150000 conv=notrunc 2>/dev/null
ends 65 bad-image run --restore "$tmp/good"
holds "$err" "it is damaged: its checksum is"

# --- a guest in which everything waits -------------------------------------------------------------
# Saved when it says so; a key lets it go on and count. On a slow host it needs longer to come to that.
kept() { # FILE OPTIONS [GUEST-ARGUMENTS...]
	kept=$1 options=$2
	shift 2
	for limit in 0.5 1 2 4 8 16; do
		"$LAPICVM" run "$guests/kept.elf" -smp 4 $options --timeout $limit --save "$kept" -- key "$@" >"$out" 2>"$err" </dev/null
		grep -q "all waits" "$out" && break
	done
	grep -q "all waits" "$out" || tap "not ok" "the guest comes to where all waits"
}
goes_on() { # FILE OPTIONS TEXT
	echo | "$LAPICVM" run --restore "$1" $2 --timeout 60 >"$out" 2>"$err"
	got=$?
	if [ $got = 77 ] && [ $# = 4 ]; then skip "$3" "$(grep -m 1 'cannot restore' "$err")"; else is $got 0 "$3"; fi
}
# Timers that ran out before, run out just then, and do so afterwards.
for ms in 50 400 450 500 3000; do
	kept "$file" "" ms=$ms
	goes_on "$file" "" "each comes once, with timers of $ms ms"
done
kept "$file" "" x2apic ms=3000
goes_on "$file" "--hop=20" "each comes once, with x2APIC, and hops from there on"
kept "$file" "--lapic=kernel" ms=3000 departs=ACP-2
goes_on "$file" "--lapic=kernel" "each comes once with KVM's Local APICs"
goes_on "$file" "" "... and with these as well, from the same file"

# A real guest saved by a version of long ago, on a host whose TSC ran at its own rate.
here=$(dirname "$LAPICVM")/tests/vmm/test_save
for golden in "$(dirname "$0")"/golden/run-*.lvm; do
	"$here" --here "$golden" "$file" "$tmp/moved" >"$out" 2>"$err"
	is $? 0 "$(basename "$golden") comes to this host"
	goes_on "$tmp/moved" "" "... and each comes once" lacks
	goes_on "$tmp/moved" "--lapic=kernel" "... with KVM's Local APICs too" lacks
done

# --- killed, and no room ---------------------------------------------------------------------------
mkdir "$tmp/d"
big=$tmp/d/machine.lvm
head -c 64M /dev/urandom >"$tmp/ballast"
kept "$big" "-m 256 -initrd $tmp/ballast" ms=50
cp "$big" "$tmp/before"
# Whether a process has begun to write a file that has no name yet.
writes() { # PID
	for fd in /proc/"$1"/fd/*; do
		case $(readlink "$fd") in "$tmp/d/"*"(deleted)") ;; *) continue ;; esac
		[ "$(stat -L -c %s "$fd" 2>/dev/null || echo 0)" -gt 0 ] && return
	done
	return 1
}
whole=0 left=0
for round in $(seq 20); do
	"$LAPICVM" run --restore "$big" --timeout 0.05 --save "$big" >"$out" 2>"$err" </dev/null &
	pid=$!
	until writes $pid || ! kill -0 $pid 2>/dev/null; do :; done
	[ $((round % 2)) = 0 ] || sleep 0.0$((round % 10))
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	[ "$(ls -A "$tmp/d")" = machine.lvm ] || left=$((left + 1))
	if cmp -s "$big" "$tmp/before"; then
		whole=$((whole + 1))
	else
		goes_on "$big" "" "killed a little late, there is the new one, and it goes on"
		cp "$tmp/before" "$big"
	fi
done
[ $whole -ge 5 ]
is $? 0 "killed 20 times while it saves, $whole times the old file is there, whole"
is $left 0 "... and nothing beside it"
goes_on "$big" "" "a guest goes on that outlived 20 such kills"

mkdir "$tmp/small"
full() {
	cat <<-'END'
		mount -t tmpfs -o size=1m none "$3/small" || exit 1
		echo old >"$3/small/machine.lvm"
		"$1" run --restore "$2" --timeout 0.05 --save "$3/small/machine.lvm" >"$3/out" 2>"$3/err" </dev/null
		echo "$?, $(cat "$3/small/machine.lvm"), $(ls -A "$3/small")" >"$3/after"
	END
}
if unshare -m true 2>/dev/null; then private="unshare -m"; else private="unshare -rm"; fi
if $private sh -c "$(full)" sh "$LAPICVM" "$big" "$tmp" 2>/dev/null; then
	is "$(cat "$tmp/after")" "74, old, machine.lvm" "a disk that fills up leaves the old file, and nothing else"
	holds "$err" "cannot save $tmp/small/machine.lvm: writing it: No space left on device; the run itself ended with timeout code=124"
else
	skip "a disk that fills up" "no file system can be mounted here"
fi

mkdir "$tmp/gone"
"$LAPICVM" run --restore "$big" --timeout 2 --save "$tmp/gone/f" >"$out" 2>"$err" </dev/null &
pid=$!
sleep 1
rmdir "$tmp/gone"
wait $pid
is $? 74 "a folder that went away while the guest ran ends with 74"
holds "$err" "cannot save $tmp/gone/f: opening it: No such file or directory; the run itself ended with timeout code=124"

# --- the monitor -----------------------------------------------------------------------------------
{
	sleep 0.5
	printf '\001csave %s\nquit\n' "$file.2"
	sleep 1
} | "$LAPICVM" run "$guests/kept.elf" -smp 4 --timeout 60 >"$out" 2>"$err" -- key
is $? 0 "the monitor's quit ends a run"
holds "$out" "Saved $file.2: "
goes_on "$file.2" "" "what the monitor saved goes on"

echo "1..$count"
