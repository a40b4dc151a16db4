#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Whatever comes from outside, or ends a guest, while its machine moves between two kinds of Local APIC. Prints TAP.
# Not whether the guest notices a hop: guests/hops.c does that.
set -u
. "$(dirname "$0")/cli.sh"
guests=$(dirname "$LAPICVM")/guests
hops=$guests/hops.elf restart=$guests/restart.elf
file=$tmp/machine.lvm

ends 64 usage run --hop=0
holds "$err" "--hop 0: out of range"
ends 64 usage run --hop-drop=3
holds "$err" "--hop-drop without --hop: there is no hop to lose a vector at"

if ! { [ -r /dev/kvm ] && [ -w /dev/kvm ] && [ -r "$hops" ] && [ -r "$restart" ]; }; then
	skip "guests that hop" "/dev/kvm cannot be opened, or the guests are not built"
	echo "1..$count"
	exit
fi

# What a person types: words, after waits of so many seconds, or until so many machines have begun.
type_keys() {
	for word; do
		case $word in
		[0-9]*) sleep "$word" ;;
		machines=*) wait_for_machines "${word#*=}" ;;
		*) printf '%b' "$word" ;;
		esac
	done
}
wait_for_machines() { # COUNT
	waits=200
	while [ "$(grep -c 'restart: hello' "$out")" -lt "$1" ] && [ $((waits -= 1)) -gt 0 ]; do
		sleep 0.2
	done
}
# How many hops there were at the end of a run with --stats.
made() { sed -n 's/^hops from one kind of Local APIC to the other: \([0-9]*\),.*/\1/p' "$err"; }
many() { # LEAST
	if [ "$(made)" -ge "$1" ] 2>/dev/null; then tap ok "... after $1 hops or more"; else
		tap "not ok" "... after $(made) hops, not $1" && show
	fi
}
ends 0 guest-exit run "$hops" -smp 2 --hop=20 --hop-drop=1000000 --timeout 120 -- ms=300
holds "$err" "--hop-drop: no vector was lost in"
# Runs a guest that hops while somebody types, and wants the status.
typed() { # CODE OPTIONS KEYS... -- IMAGE ARGUMENTS...
	code=$1 with=$2
	shift 2
	words=''
	while [ "$1" != -- ]; do
		words="$words $1"
		shift
	done
	image=$2
	shift 2
	: >"$out"
	# shellcheck disable=SC2086 # several words each
	type_keys $words | "$LAPICVM" run "$image" -smp 2 --stats --timeout 60 $with -- "$@" >"$out" 2>"$err"
	is $? "$code" "$(basename "$image" .elf) $* with $with, typed: $(printf %s "$words" | tr '\\' '^')"
}

for begin in user kernel; do
	options="--lapic=$begin --hop=5"

	# --- an end from outside ---
	typed 0 "$options" 0.5 '\001x' -- "$hops" ms=60000
	many 1
	typed 0 "$options" 0.5 '\001c' 0.1 'quit\n' -- "$hops" ms=60000
	many 1
	ends 124 timeout run "$hops" -smp 2 $options --timeout 0.7 -- ms=60000
	"$LAPICVM" run "$hops" -smp 2 $options --timeout 60 -- ms=60000 >"$out" 2>"$err" </dev/null &
	pid=$!
	sleep 0.5
	kill $pid
	wait $pid
	is $? 143 "a signal ends what hops, $options"

	# --- stop and cont ---
	# It stands where it stood, however often it hops meanwhile.
	typed 0 "$options" 0.5 '\001c' 'stop\n' 0.1 'info\040cpus\n' 0.4 'info\040cpus\n' 0.1 'quit\n' -- "$hops" ms=60000
	is "$(grep -c 'CPU #[01]' "$out")" 4 "... and both CPUs are told of twice"
	is "$(grep 'CPU #[01]' "$out" | sort -u | wc -l)" 2 "... and stand still"
	many 1
	typed 0 "$options" 0.3 '\001c' 'stop\n' 0.4 'cont\n' 0.2 'stop\n' 0.3 'cont\n' -- "$hops" ms=2500 noticks
	holds "$out" "IPIs there and back"
	typed 0 "$options" 0.3 '\001c' 'stop\n' 0.3 '\001x' -- "$hops" ms=60000
	typed 0 "$options" 0.3 '\001c' 'nmi\0401\n' 'info\040lapic\0401\n' 'info\040waits\n' 0.2 'quit\n' -- "$restart" ms=60000

	# --- reset and death by the guest ---
	for way in cf9 soft 8042 line; do
		typed 0 "--lapic=$begin --hop=3" machines=4 '\001x' -- "$restart" "$way" ms=20
		is "$(($(grep -c 'restart: hello' "$out") >= 4))" 1 "... it began anew three times or more"
	done
	ends 96 triple-fault run "$restart" -smp 2 --lapic=$begin --hop=3 --timeout 60 -- triple

	# --- save ---
	"$LAPICVM" run "$hops" -smp 2 $options --timeout 0.6 --save "$file" -- ms=2500 noticks >"$out" 2>"$err" </dev/null
	is $? 124 "saved while it hops, $options"
	ends 0 guest-exit run --restore "$file" --timeout 60
	ends 0 guest-exit run --restore "$file" --timeout 60 $options
	typed 0 "$options" 0.4 '\001c' "save\\040$file.1\n" 0.1 'stop\n' "save\\040$file.2\n" 0.3 'cont\n' -- "$hops" ms=2500 noticks
	holds "$out" "Saved $file.2: "
	for saved in "$file.1" "$file.2"; do
		ends 0 guest-exit run --restore "$saved" --timeout 60 $options
	done
done

# --- what KVM counted ---
ends 0 guest-exit run "$hops" -smp 2 --hop=20 --timeout 60 --result-json "$tmp/result" -- ms=1000 noticks
sent=$(sed -n 's/.* \([0-9]*\) NMIs,.*/\1/p' "$out") counted=$(sed -n 's/^ *"nmis": \([0-9]*\),$/\1/p' "$tmp/result")
text="the NMIs of both machines are counted: $counted of $sent"
if grep -q '"nmis": null' "$tmp/result"; then
	skip "$text" "this host's KVM counts none"
elif [ "$counted" -ge "$sent" ]; then
	tap ok "$text"
else
	tap "not ok" "$text"
fi

# --- nobody reads what it prints ---
mkfifo "$tmp/pipe"
sleep 20 <"$tmp/pipe" &
reader=$!
"$LAPICVM" run "$restart" -smp 2 --hop=3 --timeout 3 --stats -- 8042 ms=60000 flood >"$tmp/pipe" 2>"$err" </dev/null
got=$?
is $got 124 "a timeout while it hops and nobody reads its output"
kill $reader

echo "1..$count"
