#!/bin/bash
# children-files.sh OUTPUT - commands, each a process of its own, append to
# files, replace, cut, overwrite, rename, remove and make them, each of which
# must find what the one before has left, and be done once. What is there then
# goes to OUTPUT. Ends with status 7.
set -e
# What bash puts aside while it redirects is no pipe to who started it.
exec >/dev/null
output=$1
rounds=$((HWCKPT_STRESS ? 200 : 20))
rm -rf "$output.tree"
mkdir "$output.tree"
cd "$output.tree"
printf 'a line of text\n%.0s' {1..800} >replaced
head -c 20000 /dev/zero | tr '\0' x >overwritten
head -c 20000 /dev/zero | tr '\0' y >cut
echo moved >moved.0
: >appended
for ((i = 1; i <= rounds; i++)); do
  sh -c "echo line $i >>appended"
  sed -i "$((i % 800 + 1))s/\$/ $i/" replaced
  wc -c <appended | dd of=overwritten bs=1 seek=$((i * 37)) conv=notrunc status=none
  sh -c "tail -n 1 appended >part; cat part part >>both; mv part last"
  truncate -s $((20000 - i * 31)) cut
  mkdir "folder.$i"
  cp appended "folder.$i/copy"
  mv "moved.$((i - 1))" "moved.$i"
  sh -c "echo $i >>moved.$i"
  ln "moved.$i" "folder.$i/link"
  ln -s ../last "folder.$i/to-last"
  # Two at a time.
  (cat last >"one.$i" && mv "one.$i" one && wc -l <one >>counts) &
  (cat last >"two.$i" && rm "two.$i" && sh -c "echo $i >>others") &
  wait
  if ((i > 3)); then
    rm "folder.$((i - 3))/copy"
    rm -r "folder.$((i - 3))"
  fi
done
{
  find . -printf '%p %y %m %n %l\n'
  find . -type f -exec sha256sum {} +
} >"$output.found"
mv "$output.found" "$output"
exit 7
