"""api_page.py PAGE HEADER... - each prototype in the synopsis of the page is that
of the headers, and each function of theirs has one."""

import re
import shlex
import sys

page, *headers = sys.argv[1:]


def bare(text):
    return re.sub(r"\s+", "", text)


declared = {}
for path in headers:
    text = re.sub(r"/\*.*?\*/", "", open(path, encoding="utf-8").read(), flags=re.S)
    text = re.sub(r"^[ \t]*#.*?(?<!\\)$", "", text, flags=re.M | re.S)
    text = re.sub(r"__attribute__\(\(.*?\)\)|HWCKPT_WEAK|static inline", "", text)
    for kind, name, arguments in re.findall(r"([\w ]+?[ *\n])(hwckpt_\w+)\(([^;{)]*)\)\s*;", text):
        declared[name] = bare(f"{kind}{name}({arguments})")
shown = {}
synopsis = open(page, encoding="utf-8").read().split(".SH SYNOPSIS")[1].split(".SH DESCRIPTION")[0]
for line in synopsis.splitlines():
    if line.startswith((".B ", ".BI ")) and "(" in line:
        words = shlex.split(line.split(None, 1)[1]) if line.startswith(".BI ") else [line[3:]]
        text = bare("".join(words)).rstrip(";")
        shown[re.search(r"(hwckpt_\w+)\(", text)[1]] = text
# Macros, which stand for others.
for name in ("hwckpt_save", "hwckpt_poll", "hwckpt_check"):
    assert shown.pop(name), name
declared.pop("hwckpt_check_failed")
assert len(declared) > 20, declared
for name in sorted(declared.keys() | shown.keys()):
    assert declared.get(name) == shown.get(name), (declared.get(name), shown.get(name))
