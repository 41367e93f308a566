#!/bin/bash
# pipeline.sh OUTPUT - sort, awk and xargs -P, none of them built with -fhwckpt;
# ends with status 7.
# What bash puts aside while it redirects is no pipe to who started it.
exec >/dev/null
numbers() {
  for ((i = 0; i < 60000; i++)); do echo $(((i * 7919) % 100003)); done
}
job='x=0; for ((k = 0; k < 6000; k++)); do x=$(((x * 31 + k + $0) % 1000003)); done; echo "$0" >>"$1"; echo "$0 $x"'
numbers | sort -n | awk '{s = s * 31 % 1000003 + $1} END {print "awk", s, NR}' >"$1.a"
for ((i = 0; i < 24; i++)); do echo $i; done |
  xargs -P 3 -I {} bash -c "$job" {} "$1.done" | sort -n >"$1.b"
{ cat "$1.a" "$1.b" && sort -n "$1.done"; } >"$1.c"
rm "$1.a" "$1.b" "$1.done"
mv "$1.c" "$1"
exit 7
