"""For gdb: stands in the frame that matters when a run stops at its failure, and prints stormglass's values short.

    gdb -x gdb/stormglass.py --args target/debug/stormglass replay seeds/x-17.json --break

A build with full debug information (`cargo build --profile gdb`) shows variables as well as frames.
"""

import re

import gdb

# What no frame of is looked for: it runs whatever runs, writes the records, or raises the signal.
PLUMBING = re.compile(r"^<*(stormglass::(sim|world|check|cli|run)|madsim|async_task|nix|std|core|alloc)::")

# The same by files, for builds that have the lines of the code and short names: `cargo build` makes such.
PLUMBING_FILES = re.compile(r"(^|/)src/(sim|world|check|cli|run)/|^/rustc/|/registry/src/")


def is_plumbing(frame):
    """Whether a frame is of no interest, by its name if that says where it is from, or else by its file."""
    name = frame.name() or ""
    if "::" in re.sub(r"(?<=\w)<.*", "", name):
        return PLUMBING.search(name) is not None
    file = frame.find_sal().symtab
    return file is None or PLUMBING_FILES.search(file.filename) is not None


def frame_that_matters():
    """The first frame above the hook that is of the cluster, of a simulated device, or of code that was linked in."""
    frame, is_above = gdb.newest_frame(), False
    while frame is not None:
        name = frame.name() or ""
        if "stormglass_failure" in name:
            is_above = True
        elif is_above and not is_plumbing(frame):
            return frame
        frame = frame.older()
    return None


class Failure(gdb.Command):
    """Go to the frame that made the run fail, once --break has stopped there."""

    def __init__(self):
        super().__init__("failure", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        frame = frame_that_matters()
        if frame is None:
            print("no code of the cluster is on this stack: what failed is the whole run; `bt` shows who noticed")
            return
        frame.select()
        gdb.execute("frame")


Failure()


def on_stop(event):
    """Goes there by itself when the program has stopped itself."""
    if isinstance(event, gdb.SignalEvent) and event.stop_signal == "SIGTRAP":
        gdb.post_event(lambda: gdb.execute("failure"))


gdb.events.stop.connect(on_stop)


def number(value):
    """The one integer that a newtype wraps."""
    while value.type.code == gdb.TYPE_CODE_STRUCT and len(value.type.fields()) == 1:
        value = value[value.type.fields()[0]]
    return int(value)


def span(nanos):
    """Nanoseconds as a trace shows them."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if nanos >= size:
            return "%s%s" % (format(nanos / size, ".6f").rstrip("0").rstrip("."), unit)
    return "%dns" % nanos


class Short:
    """A value that takes one line."""

    def __init__(self, text):
        self.text = text

    def to_string(self):
        return self.text


def stamp(value):
    """Which write of which application, for which block."""
    place, author = int(value["place"]), int(value["author"])
    low = (1 << 48) - 1
    if place == 0 and author == 0:
        return "zeroes"
    return "vol%d:%d w%d#%d" % (place >> 48, place & low, author >> 48, author & low)


SHORT = {
    "stormglass::base::time::Nanos": lambda value: span(number(value)),
    "stormglass::base::id::NodeId": lambda value: "node %d" % number(value),
    "stormglass::base::id::DiskId": lambda value: "disk %d" % number(value),
    "stormglass::base::id::VolumeId": lambda value: "volume %d" % number(value),
    "stormglass::base::id::LegIndex": lambda value: "leg %d" % number(value),
    "stormglass::base::id::Region": lambda value: "region %d" % number(value),
    "stormglass::base::id::Epoch": lambda value: "epoch %d" % number(value),
    "stormglass::base::id::CpuId": lambda value: "cpu %d" % number(value),
    "stormglass::base::block::Stamp": stamp,
}


def printer(value):
    """The printer of a value of ours; None for others."""
    show = SHORT.get(str(value.type.unqualified().strip_typedefs()))
    return Short(show(value)) if show else None


gdb.pretty_printers.append(printer)
