#!/bin/bash
# build.sh OUTPUT - make -j2 compiles a program of 12 files in C with gcc, makes
# a library of some of them, links and runs it; what came of it goes to OUTPUT.
# Ends with status 7.
set -e
# What bash puts aside while it redirects is no pipe to who started it.
exec >/dev/null
output=$1
functions=$((HWCKPT_STRESS ? 160 : 20)) # of a file
rm -rf "$output.tree"
mkdir -p "$output.tree/temporary"
# What a compiler left here that was killed is gone again.
export TMPDIR=$output.tree/temporary
cd "$output.tree"
for i in {1..12}; do
  {
    echo "#include <stdio.h>"
    for ((j = 1; j <= functions; j++)); do
      echo "int f${i}_$j(int n, int *a) {"
      echo "  int s = $j;"
      echo "  for (int i = 0; i < n; i++)"
      echo "    s = s * 31 + a[(i * $j + $i) % 97] + (s >> $((j % 13 + 1)));"
      echo "  return s > $i ? s : f${i}_$((j > 1 ? j - 1 : 1))(n / 2, a) ^ s;"
      echo "}"
    done
    echo "int part$i(int n, int *a) { return f${i}_$functions(n, a); }"
  } >part$i.c
done
{
  echo "#include <stdio.h>"
  for i in {1..12}; do echo "int part$i(int n, int *a);"; done
  echo "int main(void) { int a[97], s = 0;"
  echo "  for (int i = 0; i < 97; i++) a[i] = i * i;"
  for i in {1..12}; do echo "  s = s * 7 + part$i(1000, a);"; done
  echo '  printf("the sum is %d\n", s); return 0; }'
} >main.c
cat >Makefile <<'END'
objects := $(patsubst %.c,%.o,$(wildcard part*.c))
program: main.o libparts.a
	gcc -o $@ $^
libparts.a: $(objects)
	ar rcD $@ $^
%.o: %.c
	@echo "$< has $$(wc -l <$< | tr -d ' ') lines" >$*.said
	gcc -O2 -Wall -c -o $@ $<
	@echo $@ >>done
check: program
	./program >said
	$(MAKE) -C . nothing
nothing:
.PHONY: check nothing
END
make -j2 check >log
sort log | grep -v -e '^make' >sorted
sha256sum said sorted part*.said ./*.o libparts.a program >"$output"
cat said >>"$output"
sort done >>"$output"
ls . "$TMPDIR" >>"$output"
rm -rf "$TMPDIR"
exit 7
