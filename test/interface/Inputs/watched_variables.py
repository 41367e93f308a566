"""watched_variables.py PART COUNT - a translation unit with so many watched
variables, partPART_0 and on, and a function that writes to one."""

import sys

part, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    print(f"__attribute__((hwckpt_watch)) long part{part}_{number};")
print(f"void write_part{part}(int number);\nvoid write_part{part}(int number) {{\n  switch (number) {{")
for number in range(count):
    print(f"  case {number}:\n    part{part}_{number} = number + 1;\n    break;")
print("  }\n}")
