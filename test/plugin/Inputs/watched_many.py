"""watched_many.py COUNT - so many watched variables, each declared twice."""

import sys

for number in range(int(sys.argv[1])):
    print(f"extern __attribute__((hwckpt_watch)) int v{number}[2];")
    print(f"__attribute__((hwckpt_watch)) int v{number}[2];")
