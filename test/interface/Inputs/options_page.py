"""Prints docs/options.md, made from runtime/interface/options.def (argument)."""

import re
import sys

KINDS = {
    "FLAG": "0 or 1",
    "NUMBER": "number",
    "LEVEL": "number, auto",
    "DURATION": "duration",
    "BYTES": "bytes",
    "STRING": "text",
    "LIST": "text, repeated",
}

ROW = re.compile(
    r'^HWCKPT_OPTION\((\w+), (\w+), ((?:"[^"]*"|[^,"])+), "((?:[^"\\]|\\.)*)"\)', re.M
)

print(
    """# Options of the runtime

`HWCKPT_OPTIONS="name=value:name=value"` in the environment of a program that was
built with `-fhwckpt`. Values that hold blanks, commas or colons are put in single
or double quotes. A duration is written 500us, 20ms, 1.5s, 5m or 1h; a bare number
is seconds. Bytes are written 4096, 64K, 500M, 10G or 2T (powers of 1024). An unknown
name or a value that does not fit ends the program at its start with error
HWCKPT-E201. `HWCKPT_OPTIONS=help=1` prints this list.

This page is made from `runtime/interface/options.def`:
`test/interface/Inputs/options_page.py runtime/interface/options.def > docs/options.md`.

| option | value | default | meaning |
|---|---|---|---|"""
)
rows = ROW.findall(open(sys.argv[1]).read())
for kind, name, default, description in rows:
    default = {'""': "(empty)", "false": "0", "true": "1", "HWCKPT_LEVEL_AUTO": "auto"}.get(default, default.strip('"'))
    print(f"| `{name}` | {KINDS[kind]} | {default} | {description} |")
print(
    """
Of the options that all sanitizers have, these are taken too: `log_path` (file for
reports, the process id appended; or stderr, stdout), `log_exe_name`, `log_suffix`."""
)
