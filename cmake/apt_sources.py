"""apt_sources - where this machine's packages come from, as apt is configured.

So that no host is ever named in the tree: sources of source packages and
mirrors for a new system are derived from what is here. Both of apt's formats
are read, .sources (deb822) and .list (one line an entry).
"""

import glob
import os
import re
import subprocess


def stanzas(text):
    """Paragraphs of a deb822 file, comments dropped, as texts."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [s for s in re.split(r"\n[ \t]*\n", "\n".join(lines)) if s.strip()]


def from_deb822(text):
    """Stanzas of a .sources file turned to deb-src."""
    result = []
    for stanza in stanzas(text):
        if re.search(r"^Enabled:\s*(no|false|0|off)\b", stanza, re.M | re.I):
            continue
        if not re.search(r"^Types:.*\bdeb\b", stanza, re.M | re.I):
            continue
        result.append(
            re.sub(r"^Types:.*$", "Types: deb-src", stanza.strip("\n"), flags=re.M | re.I)
        )
    return result


def from_list(text):
    """Lines of a sources.list turned to deb-src; a CD has no packages for us."""
    result = []
    for line in text.splitlines():
        words = line.split("#")[0].strip()
        match = re.match(r"deb\s+(.*)", words)
        if match and "cdrom:" not in words:
            result.append("deb-src " + match.group(1))
    return result


def apt_dir(name):
    run = subprocess.run(
        ["apt-config", "shell", "value", name], capture_output=True, text=True
    )
    match = re.search(r"value='(.*)'", run.stdout)
    return match.group(1) if match else ""


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def machine_sources():
    """The machine's apt sources as deb-src: (deb822 stanzas, one-line entries)."""
    main = apt_dir("Dir::Etc::sourcelist/f")
    parts = apt_dir("Dir::Etc::sourceparts/d")
    modern, lines = [], from_list(read(main))
    for path in sorted(glob.glob(os.path.join(parts, "*"))):
        if path.endswith(".sources"):
            modern += from_deb822(read(path))
        elif path.endswith(".list"):
            lines += from_list(read(path))
    return modern, lines


def as_suite(known, suite):
    """The machine's entry for the main packages of a suite, as one for another suite of
    the same place, in deb822; or None."""
    modern = []
    main = apt_dir("Dir::Etc::sourcelist/f")
    parts = apt_dir("Dir::Etc::sourceparts/d")
    texts = []
    for path in sorted(glob.glob(os.path.join(parts, "*"))):
        if path.endswith(".sources"):
            modern += from_deb822(read(path))
        elif path.endswith(".list"):
            texts.append(read(path))
    for stanza in modern:
        suites = re.search(r"^Suites:[ \t]*(.*)$", stanza, re.M | re.I)
        components = re.search(r"^Components:[ \t]*(.*)$", stanza, re.M | re.I)
        if suites and known in suites[1].split() and components:
            if "main" in components[1].split():
                for name, value in (("Types", "deb"), ("Suites", suite), ("Components", "main")):
                    stanza = re.sub(
                        rf"^{name}:.*$", f"{name}: {value}", stanza, flags=re.M | re.I
                    )
                return stanza
    for line in from_list("\n".join([read(main), *texts])):
        options = re.search(r"\[(.*?)\]", line)
        words = re.sub(r"\[.*?\]", "", line).split()[1:]
        if len(words) > 2 and words[1] == known and "main" in words[2:]:
            signed = re.search(r"signed-by=(\S+)", options[1]) if options else None
            key = f"Signed-By: {signed[1]}\n" if signed else ""
            return f"Types: deb\nURIs: {words[0]}\nSuites: {suite}\nComponents: main\n{key}"
    return None


def mirror(suite):
    """The place from which the machine gets this suite's main packages, or None."""
    modern, lines = machine_sources()
    for stanza in modern:
        field = {
            name: re.search(rf"^{name}:[ \t]*(.*)$", stanza, re.M | re.I)
            for name in ("URIs", "Suites", "Components")
        }
        if all(field.values()) and suite in field["Suites"][1].split():
            if "main" in field["Components"][1].split():
                return field["URIs"][1].split()[0]
    for line in lines:
        words = re.sub(r"\[.*?\]", "", line).split()[1:]
        if len(words) > 2 and words[1] == suite and "main" in words[2:]:
            return words[0]
    return None
