"""observation.py - one run of the workload under a tool, and what came of it: a
row with the fields that pause and capture have in common."""

import time

from . import figures
from .machine import Unusable, undisturbed
from .peers import Nothing, patience
from .workload import DONE, END, FILLED, PAGES_OF_A_MIB, Log, Noted, ended

# Times that hwckpt itself notes for a checkpoint, where it does.
OWN_TIMES = (
    "stop_ns", "arm_ns", "signal_ns", "arrive_ns",
    "describe_ns", "scan_ns", "copy_ns", "resume_ns", "pause_ns",
)  # fmt: skip


class TooFew(Unusable):
    """No checkpoint was taken while it was looked at."""


class Observation:
    """The log of a run and the checkpoints that were taken in it."""

    def __init__(self, shape, tool, noted, checkpoints, interval, took):
        self.shape = shape
        self.tool = tool
        self.noted = noted
        self.interval = interval
        self.took = took  # seconds, all in all
        self.taken = checkpoints
        # Those that follow one of the memory as it was when it was filled: the
        # first holds everything, and what was filled meanwhile.
        self.counted = [
            (before, this)
            for before, this in zip(checkpoints, checkpoints[1:])
            if before.when > noted.begin
        ]

    def seconds(self):
        return (self.noted.end - self.noted.begin) / 1e9

    def step_ms(self):
        """What a unit of work took, from the first checkpoint that counts on."""
        return self.noted.step_ms(self.counted[0][1].when if self.counted else self.noted.begin)

    def pauses_ms(self):
        """Seen by the program, one for each checkpoint that counts."""
        if type(self.tool) is Nothing:
            return self.quiet_ms()
        if not self.counted:
            raise TooFew(f"{self.tool.name}: {len(self.taken)} checkpoints in {self.seconds():.0f} s are too few")
        moments = [before.when for before, _ in self.counted[:1]] + [this.when for _, this in self.counted]
        spans = self.tool.spans(moments, self.noted.begin, self.noted.end)
        return [self.noted.largest_gap_ms(*span) for span in spans[1:]]

    def quiet_ms(self):
        """Without checkpoints: the largest gap of each interval."""
        step = int(self.interval * 1e9)
        begins = range(self.noted.begin, max(self.noted.end - step, self.noted.begin + 1), step)
        return [self.noted.largest_gap_ms(begin, begin + step) for begin in begins]

    def pages_changed(self):
        """Between a checkpoint and the one before it, as the workload knows."""
        most = self.shape.rss_mib * PAGES_OF_A_MIB
        if "--hot" in self.shape.more:
            most = int(self.shape.more[self.shape.more.index("--hot") + 1]) * PAGES_OF_A_MIB
        written = self.noted.written_until
        return [min(most, written(this.when) - written(before.when)) for before, this in self.counted]

    def own(self):
        """Medians of what the tool says of itself, in ms."""
        found = {}
        for name in OWN_TIMES:
            times = [this.own[name] / 1e6 for _, this in self.counted if name in this.own]
            if times:
                found[name.replace("_ns", "_p50_ms")] = round(figures.median(times), 3)
                if name == "pause_ns":
                    found["pause_p99_ms"] = round(figures.percentile(times, 99), 3)
        for name in ("method", "rounds"):
            values = [str(this.own[name]) for _, this in self.counted if name in this.own]
            if values:
                found[name] = max(set(values), key=values.count)
        return found

    def row(self):
        pauses = self.pauses_ms()
        found = {
            "tool": self.tool.name,
            "rss_mib": self.shape.rss_mib,
            "threads": self.shape.threads,
            "written_percent": self.shape.written_percent(),
            "pause_p50_ms": round(figures.median(pauses), 3),
            "pause_p99_ms": round(figures.percentile(pauses, 99), 3),
            "pause_worst_ms": round(max(pauses), 3),
            "bytes_written": None,
            "pages_changed": None,
            "checkpoints": len(self.counted),
            "took_s": round(self.took, 1),
        }
        if self.counted:
            sizes = [this.size if this.raw_size is None else this.raw_size for _, this in self.counted]
            found["bytes_written"] = int(figures.median(sizes))
            found["pages_changed"] = int(figures.median(self.pages_changed()))
            found["bytes_stored"] = int(figures.median([this.size for _, this in self.counted]))
            found["own"] = self.own()
        return found


def observe(tool, shape, interval, seconds):
    """Runs the workload under a tool: for so many seconds after it is ready, or
    until its work is done, which should take as long. It is given up when that takes four times as
    long, or filling the memory, or the end, longer than patience()."""
    log = Log(tool.folder)
    process = None
    began, patient = time.monotonic(), patience(shape)
    try:
        with undisturbed():
            process = tool.start(shape, log, interval)
        log.wait(FILLED, patience=patient, alive=lambda: process.poll() is None)
        if shape.units:
            log.wait(DONE, patience=patient + 4 * seconds, alive=lambda: process.poll() is None)
        else:
            tool.attend(seconds, interval, log.pid())
            log.command(END)
        status = ended(process, patient)
        if status:
            raise Unusable(f"it ended with status {status}")
        return Observation(shape, tool, Noted(log), tool.checkpoints(), interval, time.monotonic() - began)
    except Unusable as error:
        status = process.poll() if process else None
        raise Unusable(f"the workload under {tool.name}, status {status}: {error}{tool.said()}") from None
    finally:
        if process and process.poll() is None:
            process.kill()
            process.wait()
        log.close()


def columns(rows):
    """Prints the rows as a table."""
    names = ["tool", "case", "RSS MiB", "threads", "written %", "pause p50", "p99 ms",
             "own p50", "own p99", "MiB each", "changed MiB", "checkpoints", "took s"]  # fmt: skip
    lines = []
    for row in rows:
        own = row.get("own", {})
        amount = row["bytes_written"]
        changed = row["pages_changed"]
        lines.append([
            row["tool"], row.get("case", ""), row["rss_mib"], row["threads"],
            "max" if row["written_percent"] is None else f"{row['written_percent']:g}",
            f"{row['pause_p50_ms']:.2f}", f"{row['pause_p99_ms']:.2f}",
            f"{own['pause_p50_ms']:.2f}" if own.get("pause_p50_ms") is not None else "",
            f"{own['pause_p99_ms']:.2f}" if own.get("pause_p99_ms") is not None else "",
            "" if amount is None else f"{amount / 2**20:.1f}",
            "" if changed is None else f"{changed / PAGES_OF_A_MIB:.1f}", row["checkpoints"],
            f"{row['took_s']:.0f}",
        ])  # fmt: skip
    figures.table(names, lines)
