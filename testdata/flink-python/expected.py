"""What the jobs' states must be: computed from the input, not from the job.

Values in process mode are what PyFlink's own coders make of them, in thread mode Java's where it has a type.
"""
import pickle
from collections import defaultdict

from pyflink.common import Row, Types
from pyflink.datastream.window import CountWindow, TimeWindow
from pyflink.fn_execution.beam.beam_coders import FlinkCoder
from pyflink.fn_execution.coders import TimeWindowCoder, from_type_info

from job import EVENT, EVENTS, FAR, pickled

BY_NAME = defaultdict(list)
for event in EVENTS:
    BY_NAME[event[0]].append(event)
LAST_WATERMARK = EVENTS[-1][2] - 1
LONG, INT, TEXT, PICKLED = Types.LONG(), Types.INT(), Types.STRING(), Types.PICKLED_BYTE_ARRAY()


def hexed(data):
    return {"bytes": data.hex()}


def row(*fields):
    return {"kind": "+I", "fields": list(fields)}


def total(events):
    return sum(amount for _, amount, _ in events)


def added(events):
    """What the jobs' reduce function makes of events; the first alone keeps the names of its fields."""
    if len(events) == 1:
        return Row(**dict(zip(["name", "amount", "at"], events[0])))
    return Row(events[0][0], total(events), events[-1][2])


def session(events):
    """The merged windows of 90 s that are still open: window, window of its state, its events."""
    found = []
    for event in events:
        window = TimeWindow(event[2], event[2] + 90_000)
        if found and found[-1][0].end >= window.start:
            merged, state, held = found.pop()
            found.append((TimeWindow(merged.start, window.end), state, held + [event]))
        else:
            found.append((window, window, [event]))
    return [entry for entry in found if entry[0].end - 1 > LAST_WATERMARK], len(found)


def minutes(events):
    """The windows of a minute with their events: those that are open, and how many are not."""
    windows = defaultdict(list)
    for event in events:
        windows[event[2] // 60_000 * 60_000].append(event)
    is_open = lambda start: start + 60_000 - 1 > LAST_WATERMARK
    open_ones = [(TimeWindow(start, start + 60_000), held) for start, held in windows.items() if is_open(start)]
    return open_ones, len(windows) - len(open_ones)


class States:
    def __init__(self, threads=False):
        self.threads = threads

    def coded(self, type_info, value):
        """What a coder of Python's process writes."""
        return {"class": "pyflink", "raw": FlinkCoder(from_type_info(type_info)).encode(value).hex()}

    def value(self, type_info, value):
        if not self.threads:
            return self.coded(type_info, value)
        if type_info in (LONG, INT, TEXT):
            return value
        return hexed(pickle.dumps(value))

    def name(self, name):
        return name if self.threads else f"python-state-{name}"

    def state(self, name, type_info, values, ttl=False):
        """A state that holds one value for each key; values: key, namespace, value."""
        many = (lambda value: value) if self.threads else (lambda value: [value])
        entries = [{"key": key, "namespace": space, "value": many(self.value(type_info, value))}
                   for key, space, value in values]
        kind = "value" if self.threads else "list"
        return {"name": self.name(name), "kind": kind, "ttl": ttl, "entries": entries}

    def bag(self, name, type_info, values):
        """A list to which one bundle adds: in process mode its elements come to Flink as one, back to back."""
        if self.threads:
            return self.list(name, type_info, values)
        together = lambda held: {"class": "pyflink", "raw": "".join(self.coded(type_info, one)["raw"] for one in held)}
        entries = [{"key": key, "namespace": space, "value": [together(held)]} for key, space, held in values]
        return {"name": self.name(name), "kind": "list", "ttl": False, "entries": entries}

    def list(self, name, type_info, values):
        entries = [{"key": key, "namespace": space, "value": [self.value(type_info, value) for value in held]}
                   for key, space, held in values]
        return {"name": self.name(name), "kind": "list", "ttl": False, "entries": entries}

    def map(self, name, key_type, type_info, values):
        entries = [{"key": key, "namespace": None, "map_key": self.value(key_type, inner),
                    "value": self.value(type_info, value)} for key, inner, value in values]
        return {"name": self.name(name), "kind": "map", "ttl": False, "entries": entries}


def timer(service, domain, key, namespace, timestamp):
    return {"service": service, "domain": domain, "key": key, "namespace": namespace, "timestamp": timestamp}


class TableStates(States):
    def of(self, uid, name):
        if not name.startswith("PythonGroupAggregate"):
            return {}
        of_key = lambda events: self.coded(PICKLED, [Row(total(events), len(events))])
        entries = [{"key": row(name), "namespace": None, "value": [of_key(events)]} for name, events in BY_NAME.items()]
        return {"states": [{"name": "python-state-accumulators", "kind": "list", "ttl": False, "entries": entries}],
                "timers": []}


class DataStreamStates(States):
    def of(self, uid, name):
        method = getattr(self, (uid or "").replace("-", "_"), None)
        return method() if method else {}

    def by_name(self, value):
        return [(row(name), None, value(events)) for name, events in BY_NAME.items()]

    def states_001(self):
        named = Types.ROW_NAMED(["name", "amount", "maybe"], [TEXT, LONG, INT])
        pair = Types.TUPLE([LONG, LONG])
        states = [
            self.state("last", LONG, self.by_name(lambda events: events[-1][2]), ttl=True),
            self.state("total", LONG, self.by_name(total)),
            self.state("label", TEXT, self.by_name(lambda events: events[0][0] + "!")),
            self.state("thing", PICKLED, self.by_name(lambda events: pickled(*events[-1][:2]))),
            self.state("row", named, self.by_name(lambda events: Row(*events[-1][:2], None))),
            self.bag("names", TEXT, self.by_name(lambda events: [f"{name}{amount}" for name, amount, _ in events])),
            self.map("counts", TEXT, INT, [(row(name), f"{name}-{amount}", amount) for name, amount, _ in EVENTS]),
            self.state("sum", LONG, self.by_name(total)),
            self.state("mean", pair, self.by_name(lambda events: (total(events), len(events)))),
        ]
        timers = [timer("user-timers", "event", row(name), None, 200_000 + at) for name, _, at in EVENTS]
        timers += [timer("user-timers", "processing", row(name), None, FAR + amount) for name, amount, _ in EVENTS]
        return {"states": states, "timers": timers}

    def totals(self, key, coded_key):
        """A sum and a timer for each key."""
        sums = defaultdict(int)
        for event in EVENTS:
            sums[key(event)] += event[1]
        entries = [(row(coded_key(key)), None, total) for key, total in sums.items()]
        return {"states": [self.state("total", LONG, entries)],
                "timers": [timer("user-timers", "event", key, None, FAR) for key, _, _ in entries]}

    def row_key_001(self):
        return self.totals(lambda event: event[:2], lambda key: row(*key))

    def tuple_key_001(self):
        return self.totals(lambda event: event[:2], list)

    def pickled_key_001(self):
        protocol = None if self.threads else pickle.HIGHEST_PROTOCOL
        return self.totals(lambda event: (event[0], event[1] > 2), lambda key: hexed(pickle.dumps(key, protocol)))

    def windows(self, value):
        """The open windows of a minute, and how many each key has seen closed."""
        contents, timers, closed = [], [], []
        for name, events in BY_NAME.items():
            open_ones, others = minutes(events)
            closed += [(row(name), None, others)] if others else []
            for window, held in open_ones:
                span = {"start": window.start, "end": window.end}
                contents.append((row(name), span, value(held)))
                service = "window-timers" if self.threads else "user-timers"
                timers.append(timer(service, "event", row(name), span, window.end - 1))
        return contents, timers, closed

    def window_reduce_001(self):
        contents, timers, _ = self.windows(added)
        return {"states": [self.state("window-contents", EVENT, contents)], "timers": timers}

    def window_process_001(self):
        contents, timers, closed = self.windows(lambda events: [Row(*event) for event in events])
        return {"states": [self.list("window-contents", EVENT, contents), self.state("seen", INT, closed)],
                "timers": timers}

    def window_session_001(self):
        contents, timers, closed, merging = [], [], [], []
        window_coder = FlinkCoder(TimeWindowCoder())
        coded = lambda window: {"class": "pyflink", "raw": window_coder.encode(window).hex()}
        for name, events in BY_NAME.items():
            open_ones, windows = session(events)
            closed += [(row(name), None, windows - len(open_ones))] if windows > len(open_ones) else []
            for merged, state, held in open_ones:
                contents.append((row(name), {"start": state.start, "end": state.end}, [Row(*event) for event in held]))
                merging.append({"key": row(name), "namespace": None, "map_key": coded(merged), "value": coded(state)})
                span = {"start": merged.start, "end": merged.end}
                timers.append(timer("user-timers", "event", row(name), span, merged.end - 1))
        return {"states": [
            self.list("window-contents", EVENT, contents), self.state("seen", INT, closed),
            {"name": "python-state-merging-window-set", "kind": "map", "ttl": False, "entries": merging}],
            "timers": timers}

    def window_count_001(self):
        """Windows of two: a full one has no count any more, and stays."""
        contents, counts, seen = [], [], []
        for name, events in BY_NAME.items():
            seen.append((row(name), None, len(events)))
            for start in range(0, len(events), 2):
                held, window = events[start:start + 2], CountWindow(start // 2)
                contents.append((row(name), window.id, added(held)))
                counts += [(row(name), window.id, len(held))] if len(held) < 2 else []
        return {"states": [self.state("window-contents", EVENT, contents), self.state("count", LONG, counts),
                           self.state("tumble-count-assigner", LONG, seen)], "timers": []}

    def broadcast_001(self):
        rules = {name: amount for name, amount, _ in EVENTS}
        entries = [{"map_key": self.value(TEXT, name), "value": self.value(LONG, amount)}
                   for name, amount in rules.items()]
        return {"timers": [], "operator_states": [{"name": self.name("rules"), "mode": "BROADCAST", "entries": entries}]}
