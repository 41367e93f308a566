# cycles.py - reads LLVM's text form of a module whose sites are placed, without
# the elision of short loops (-hwckpt-short-loop=0), and fails for
#   - each function whose control flow graph has a cycle without a site, and
#   - each cycle of direct calls that can be gone round without a site.
# A call of a function that passes a site on every way to its return is one.
# Knows nothing of how sites are placed. Prints what it looked at.
import re
import sys

SITE = "hwckpt_sites_"


def cycle(edges):
    """A node on a cycle of the graph, or None."""
    done, path = set(), set()
    for start in edges:
        if start in done:
            continue
        stack = [(start, iter(edges[start]))]
        path.add(start)
        while stack:
            node, rest = stack[-1]
            for target in rest:
                if target in path:
                    return target
                if target in edges and target not in done:
                    path.add(target)
                    stack.append((target, iter(edges[target])))
                    break
            else:
                done.add(node)
                path.discard(node)
                stack.pop()
    return None


NAME = r'@("[^"]+"|[\w.$-]+)'


class Function:
    def __init__(self, body):
        head = body.split("\n", 1)[0]
        self.name = re.search(NAME, head).group(1)
        # Another definition may take the place of these.
        self.exact = not re.search(r"\b(linkonce|weak|linkonce_odr|weak_odr|interposable)\b", head)
        self.blocks = {"": []}
        lines = self.blocks[""]
        self.entry = ""
        for line in re.sub(r"\n +(?=(to label|cleanup|catch|filter|i\d+ -?\d+, label|\]|label|unwind))", " ", body).splitlines()[1:-1]:
            label = re.match(r'("[^"]+"|[\w.$-]+):', line)
            if label:
                if not lines and self.entry == "" and len(self.blocks) == 1:
                    del self.blocks[""]
                    self.entry = label.group(1)
                lines = self.blocks.setdefault(label.group(1), [])
            else:
                lines.append(line)

    @staticmethod
    def callee(line):
        call = re.search(r"\b(?:call|invoke|callbr)\b[^@]*?" + NAME + r"\(", line)
        return call.group(1) if call else None

    @staticmethod
    def targets(line):
        return re.findall(r'label %("[^"]+"|[\w.$-]+)', line)

    def walk(self, block, polling):
        """The callees reached in the block before a site, and the blocks that
        control comes to from it without one."""
        callees = []
        for line in self.blocks[block]:
            if SITE in line:
                return callees, []
            name = self.callee(line)
            if name:
                callees.append(name)
            if name in polling:
                # An exception may be thrown before the site.
                unwind = re.search(r'unwind label %("[^"]+"|[\w.$-]+)', line)
                return callees, [unwind.group(1)] if unwind else []
        return callees, [t for line in self.blocks[block] for t in self.targets(line)]

    def uncovered(self, polling):
        """What is reached from the entry without a site: callees, and whether a
        return is."""
        seen, todo, callees, returns = set(), [self.entry], set(), False
        while todo:
            block = todo.pop()
            if block in seen:
                continue
            seen.add(block)
            here, further = self.walk(block, polling)
            callees.update(here)
            todo += further
            last = next((l for l in reversed(self.blocks[block]) if l.strip()), "")
            site = any(SITE in l or self.callee(l) in polling for l in self.blocks[block])
            if re.match(r"\s*ret\b", last) and not site:
                returns = True
        return callees, returns


functions = {}
for body in re.findall(r"^define .*?^}", sys.stdin.read(), re.M | re.S):
    function = Function(body)
    functions[function.name] = function

polling, grown = set(), True
while grown:
    grown = False
    for name, function in functions.items():
        if name not in polling and function.exact and not function.uncovered(polling)[1]:
            polling.add(name)
            grown = True

bad = sites = 0
calls = {}
for name, function in functions.items():
    sites += sum(SITE in line for lines in function.blocks.values() for line in lines)
    around = cycle({block: function.walk(block, polling)[1] for block in function.blocks})
    if around is not None:
        print(f"{name}: a cycle without a site through %{around}")
        bad += 1
    calls[name] = [c for c in function.uncovered(polling)[0] if c in functions]
again = cycle(calls)
if again is not None:
    print(f"{again}: recursion without a site")
    bad += 1
print(f"{len(functions)} functions, {sites} sites, {len(polling)} always pass one")
sys.exit(bad != 0 or not functions)
