#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lapicvm diff as a shell sees it: refusals, files, a campaign that is killed and goes on. Prints TAP.
# Not whether the two Local APICs agree: that is what scripts/check runs a campaign for.
set -u
. "$(dirname "$0")/cli.sh"
program=$tmp/a.prog
printf 'lapicvm-diff 1\ncpus 1\n0 read 0x30 4\n0 rdtsc\n' >"$program"

# --- refused at once -------------------------------------------------------------------------------
ends 64 usage diff --seed 0
holds "$err" "--seed 0: out of range; give 1 to 9223372036854775807"
ends 64 usage diff --ops 1000001
ends 64 usage diff --cpus 5
ends 64 usage diff --seeds 0
ends 64 usage diff --time 1d
ends 64 usage diff --replay "$program" --seed 5
ends 64 usage diff --tap - --junit -
ends 66 unreadable diff --replay "$tmp/none"
ends 66 unreadable diff --replay /proc/self/mem
mkdir "$tmp/empty"
ends 66 unreadable diff --replay "$tmp/empty"
holds "$err" "no *.prog in this folder"
printf 'lapicvm-diff 1\ncpus 1\n0 raed 0x30 4\n' >"$tmp/bad.prog"
ends 65 bad-image diff --replay "$tmp/bad.prog"
holds "$err" "bad.prog"
is "$(wc -l <"$err")" 2 "a damaged program is one sentence"
head -c 65536 /dev/urandom >"$tmp/noise"
ends 65 bad-image diff --replay "$tmp/noise"
ends 65 bad-image diff --ledger "$tmp/noise"
ends 66 unreadable diff --ledger "$tmp/none"
printf 'entry x\nrule XYZ-999\nsdm here\nverdict undefined\nwhy so\nwhen field=value op=rdtsc\n' >"$tmp/ledger"
ends 65 bad-image diff --ledger "$tmp/ledger"
holds "$err" "XYZ-999"
ends 74 output-failed diff --tap "$tmp/none/tap"
ends 74 output-failed diff --save "$program"
holds "$err" "Not a directory"

# --- with KVM --------------------------------------------------------------------------------------
if ! { [ -r /dev/kvm ] && [ -w /dev/kvm ]; }; then
	ends 69 no-kvm diff
	ends 69 no-kvm diff "$LAPICVM"
	skip "campaigns and guests" "/dev/kvm cannot be opened"
	echo "1..$count"
	exit
fi
"$LAPICVM" diff --replay "$program" --tap "$tmp/tap" --junit "$tmp/xml" --log "$tmp/log" --save "$tmp/save" \
	>"$out" 2>"$err"
is $? 0 "a program that differs nowhere succeeds"
is "$(wc -c <"$err")" 0 "... and leaves stderr alone"
holds "$out" "1 program, 2 operations"
holds "$tmp/tap" "ok 1 - $program"
holds "$tmp/xml" '<testsuite name="lapicvm diff" tests="1" failures="0"'
is "$(wc -l <"$tmp/log")" 2 "the log has a line for it"
"$LAPICVM" diff --replay "$program" --log "$tmp/log" --tap - >"$out" 2>"$err"
is $? 0 "the same again has nothing left to do"
is "$(head -n 1 "$out")" "TAP version 13" "... standard output is TAP alone"
holds "$err" "1 program, 2 operations done before"
ends 64 usage diff --seeds 2 --log "$tmp/log"
holds "$err" "its results are of files=1"
sed 's/ same / SAME /' "$tmp/log" >"$tmp/log2"
ends 65 bad-image diff --replay "$program" --log "$tmp/log2"
holds "$err" "line 2: damaged"
"$LAPICVM" diff --replay "$program" >/dev/full 2>"$err"
is $? 74 "a report that nobody can read ends with 74"

# Killed in the middle of many programs, the campaign goes on where it was.
mkdir "$tmp/many"
for i in $(seq 100 199); do
	cp "$program" "$tmp/many/$i.prog"
done
campaign() { "$LAPICVM" diff --replay "$tmp/many" --log "$tmp/killed"; }
"$LAPICVM" diff --replay "$tmp/many" --log "$tmp/killed" >"$out" 2>"$err" &
for i in $(seq 200); do
	[ "$(grep -c ' same ' "$tmp/killed" 2>/dev/null)" -ge 5 ] 2>/dev/null && break
	sleep 0.02
done
kill -KILL $! 2>/dev/null
wait $! 2>/dev/null
done_before=$(grep -c ' same ' "$tmp/killed")
campaign >"$out" 2>"$err"
is $? 0 "a campaign that was killed after $done_before programs goes on"
holds "$out" "$done_before programs, $((2 * done_before)) operations done before"
holds "$out" "100 programs, 200 operations"
is "$(grep -c ' same ' "$tmp/killed")" 100 "... and its log has each program once"
printf 'file 7' >>"$tmp/killed"
campaign >"$out" 2>"$err"
is $? 0 "a log with half a line at its end is taken"
holds "$out" "its last line was broken off"

printf 'lapicvm-diff 1\ncpus 1\n* wait 1000000\n' >"$tmp/wait.prog"
"$LAPICVM" diff --replay "$tmp/wait.prog" --replay "$tmp/wait.prog" --log "$tmp/ended" >"$out" 2>"$err" &
sleep 0.5
kill -TERM $!
wait $!
is $? 143 "SIGTERM ends it after the operation"
holds "$out" "1 program, 1 operation in"
holds "$err" "result: sigterm code=143"
is "$(wc -l <"$tmp/ended")" 2 "... and that is in the log"
{
	printf 'lapicvm-diff 1\ncpus 1\n'
	for i in 0 1 2 3 4 5 6 7 8 9; do echo '* wait 1000000'; done
} >"$tmp/long.prog"
began=$(date +%s)
"$LAPICVM" diff --replay "$tmp/long.prog" --log "$tmp/broken" >"$out" 2>"$err" &
sleep 0.5
kill -TERM $!
wait $!
is $? 143 "SIGTERM breaks off a long program"
is $(($(date +%s) - began < 8)) 1 "... after its operation"
is "$(wc -l <"$tmp/broken")" 1 "... which is not in the log"

# --- a whole guest ---------------------------------------------------------------------------------
ends 65 bad-image diff "$program" --timeout 60
guest=$(dirname "$LAPICVM")/guests/self_ipi.elf
if [ -r "$guest" ]; then
	"$LAPICVM" diff "$guest" --timeout 60 --tap "$tmp/tap" >"$out" 2>"$err"
	is $? 0 "a guest that does the same under both succeeds"
	holds "$out" "end: agrees: guest-exit value=0"
	holds "$tmp/tap" "ok 3 - interrupt counts"
	is "$(ls -d "${TMPDIR:-/tmp}"/lapicvm-?????? 2>/dev/null | wc -l)" 0 "no temporary folder is left"
else
	skip "a guest under both" "$guest is not built"
fi

echo "1..$count"
