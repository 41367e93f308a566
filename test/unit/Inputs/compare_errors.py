"""compare_errors.py DEF MD - every code of the catalogue has its entry in the
page, with the same words, in the same order, and the page has no other."""
import re
import sys

text = r'"((?:[^"\\]|\\.)*)"'
row = re.compile(r"HWCKPT_ERROR\(\s*(\d+),\s*(\w+),\s*%s,\s*%s\s*\)" % (text, text))
entry = re.compile(r"^### HWCKPT-E(\d+): (.*)$((?:\n(?!#).*)*)", re.MULTILINE)

with open(sys.argv[1]) as file:
    catalogue = [
        (number, what, remedy) for number, _, what, remedy in row.findall(file.read())
    ]
page = []
with open(sys.argv[2]) as file:
    for number, what, body in entry.findall(file.read()):
        remedy = re.search(r"^Remedy: (.*)$", body, re.MULTILINE)
        told = re.sub(r"^Remedy: .*$", "", body, flags=re.MULTILINE).strip()
        if not told:
            sys.exit("HWCKPT-E%s: the page does not say when" % number)
        page.append((number, what, remedy.group(1) if remedy else ""))

if not catalogue:
    sys.exit("no errors found in " + sys.argv[1])
for number, what, remedy in catalogue:
    if (number, what, remedy) not in page:
        sys.exit("HWCKPT-E%s is not in %s as in %s" % (number, sys.argv[2], sys.argv[1]))
for number, what, _ in page:
    if number not in [known[0] for known in catalogue]:
        sys.exit("HWCKPT-E%s is not in %s" % (number, sys.argv[1]))
numbers = [int(known[0]) for known in catalogue]
if numbers != sorted(set(numbers)) or [p[0] for p in page] != [c[0] for c in catalogue]:
    sys.exit("codes are not ascending, once each, in both")
print("%d errors" % len(catalogue))
