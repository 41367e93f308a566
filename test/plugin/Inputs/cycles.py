# cycles.py - reads LLVM's text form and fails for each function whose control
# flow graph has a cycle without a site. Knows nothing of how they are placed.
import re
import sys


def has_cycle(edges):
    done, path = set(), set()
    for start in edges:
        stack = [(start, iter(edges[start]))]
        if start in done:
            continue
        path.add(start)
        while stack:
            block, rest = stack[-1]
            for target in rest:
                if target in path:
                    return True
                if target in edges and target not in done:
                    path.add(target)
                    stack.append((target, iter(edges[target])))
                    break
            else:
                done.add(block)
                path.discard(block)
                stack.pop()
    return False


bad = functions = 0
for body in re.findall(r"^define .*?^}", sys.stdin.read(), re.M | re.S):
    functions += 1
    name = re.search(r"@([\w.$]+)", body).group(1)
    blocks = {}
    current = blocks.setdefault("", [])
    for line in body.splitlines()[1:]:
        label = re.match(r'([\w.$"-]+):', line)
        if label:
            current = blocks.setdefault(label.group(1), [])
        else:
            current.append(line)
    edges = {}
    for label, lines in blocks.items():
        text = "\n".join(lines)
        if "hwckpt_sites_" not in text:
            edges[label] = set(re.findall(r'label %([\w.$"-]+)', text))
    if has_cycle(edges):
        print(f"{name}: a cycle without a site")
        bad += 1
sys.exit(bad != 0 or functions == 0)
