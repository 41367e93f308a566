"""code_cycles.py SITES < DISASSEMBLY - no cycle of the machine code is without a
site. SITES is what `hwckpt sites` prints of a file, and the other what
`llvm-objdump -d --no-show-raw-insn` does. Knows nothing of how sites are placed.
Where a jump that is not direct leads is not seen."""

import re
import sys

INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\s+(?:[a-z ]*\b(?:rep|repne|lock|notrack|data16)\s+)?(\S+)\s*(\S*)")
ENDS = re.compile(r"ret|ud2|hlt|jmp")


def functions(lines):
    """Name, and instructions: address, mnemonic, operand."""
    name, code = None, []
    for line in lines:
        head = re.fullmatch(r"[0-9a-f]+ <(.*)>:\n?", line)
        if head:
            if code:
                yield name, code
            name, code = head.group(1), []
        elif name and (found := INSTRUCTION.match(line)):
            code.append((int(found.group(1), 16), found.group(2), found.group(3)))
    if code:
        yield name, code


def successors(code):
    inside = {address for address, _, _ in code}
    found = {}
    for i, (address, mnemonic, operand) in enumerate(code):
        to = []
        if not ENDS.match(mnemonic) and i + 1 < len(code):
            to.append(code[i + 1][0])
        if mnemonic.startswith("j") and re.fullmatch(r"0x[0-9a-f]+", operand):
            if int(operand, 16) in inside:
                to.append(int(operand, 16))
        found[address] = to
    return found


def cycle(edges, sites):
    """An address in a cycle past no site, or None."""
    state = {}
    for root in edges:
        path = [(root, iter(edges[root]))] if root not in sites and root not in state else []
        if path:
            state[root] = "path"
        while path:
            at, rest = path[-1]
            to = next(rest, None)
            if to is None:
                state[at] = "left"
                path.pop()
            elif state.get(to) == "path":
                return to
            elif to not in sites and to not in state:
                state[to] = "path"
                path.append((to, iter(edges[to])))
    return None


def returns_unseen(code, edges, stops):
    """Whether a way leads from the function's begin to its return past no stop."""
    ends = {address for address, mnemonic, _ in code if mnemonic.startswith("ret")}
    # A jump out of the function, or to where one cannot tell.
    ends |= {a for a, mnemonic, _ in code if mnemonic.startswith("jmp") and not edges[a]}
    open_, seen = [code[0][0]], set()
    while open_:
        at = open_.pop()
        if at in stops or at in seen:
            continue
        if at in ends:
            return True
        seen.add(at)
        open_ += edges[at]
    return False


def main():
    with open(sys.argv[1]) as file:
        sites = {int(m.group(1), 16) for m in re.finditer(r"^0x([0-9a-f]+)", file.read(), re.M)}
    all_functions = {
        name: (code, successors(code))
        for name, code in functions(sys.stdin)
        if not name.startswith(("__hwckpt", "_", "deregister", "register", "frame_dummy"))
    }
    # Calls of functions that pass a site on every way count as one.
    polling = set()
    stops = {}
    changed = True
    while changed:
        changed = False
        for name, (code, edges) in all_functions.items():
            stops[name] = sites | {
                address for address, mnemonic, operand in code
                if mnemonic.startswith("call") and operand in polling
            }  # fmt: skip
            start = f"{code[0][0]:#x}"
            if start not in polling and not returns_unseen(code, edges, stops[name]):
                polling.add(start)
                changed = True
    failed = 0
    for name, (_, edges) in all_functions.items():
        at = cycle(edges, stops[name])
        if at is not None:
            print(f"{name}: a cycle through {at:#x} has no site")
            failed += 1
    if not all_functions:
        print("no functions")
    return failed != 0 or not all_functions


sys.exit(main())
