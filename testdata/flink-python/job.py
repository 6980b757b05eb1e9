"""PyFlink jobs with a fixed input: every kind of state, key, timer and window, and an aggregate of a table."""
from datetime import date
from decimal import Decimal

from pyflink.common import Row, Time, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import (AggregateFunction, KeyedBroadcastProcessFunction, KeyedProcessFunction,
                                ProcessWindowFunction, ReduceFunction)
from pyflink.datastream.state import (AggregatingStateDescriptor, ListStateDescriptor, MapStateDescriptor,
                                      ReducingStateDescriptor, StateTtlConfig, ValueStateDescriptor)
from pyflink.datastream.window import EventTimeSessionWindows, TumblingEventTimeWindows
from pyflink.table import DataTypes, StreamTableEnvironment
from pyflink.table.udf import AggregateFunction as TableAggregate, udaf

# name, amount, milliseconds
EVENTS = [("ada", 3, 1000), ("bob", 40, 2000), ("ada", 5, 61000), ("eve", -7, 62000), ("Zoë", 0, 63000),
          ("bob", 2, 121000)]
EVENT = Types.ROW_NAMED(["name", "amount", "at"], [Types.STRING(), Types.LONG(), Types.LONG()])
FAR = 4102444800000  # 2100-01-01: a timer that never fires here


def pickled(name, amount):
    """One object with every kind of value that pickle writes in a form of its own."""
    return {"name": name, "amount": amount, "none": None, "yes": True, "float": amount / 4, "bytes": name.encode(),
            "big": 10 ** 25 + amount, "list": [amount, [name]], "tuple": (1, name), "set": {amount},
            "date": date(2026, 11, 22), "decimal": Decimal("1.50")}


class Sum(ReduceFunction):
    def reduce(self, a, b):
        return a + b


class Mean(AggregateFunction):
    def create_accumulator(self):
        return 0, 0

    def add(self, value, accumulator):
        return accumulator[0] + value, accumulator[1] + 1

    def get_result(self, accumulator):
        return accumulator[0] / accumulator[1]

    def merge(self, a, b):
        return a[0] + b[0], a[1] + b[1]


class States(KeyedProcessFunction):
    """Every kind of state, and timers."""

    def open(self, context):
        ttl = StateTtlConfig.new_builder(Time.days(30)).build()
        last = ValueStateDescriptor("last", Types.LONG())
        last.enable_time_to_live(ttl)
        self.last = context.get_state(last)
        self.total = context.get_state(ValueStateDescriptor("total", Types.LONG()))
        self.label = context.get_state(ValueStateDescriptor("label", Types.STRING()))
        self.thing = context.get_state(ValueStateDescriptor("thing", Types.PICKLED_BYTE_ARRAY()))
        self.row = context.get_state(ValueStateDescriptor("row", Types.ROW_NAMED(
            ["name", "amount", "maybe"], [Types.STRING(), Types.LONG(), Types.INT()])))
        self.names = context.get_list_state(ListStateDescriptor("names", Types.STRING()))
        self.counts = context.get_map_state(MapStateDescriptor("counts", Types.STRING(), Types.INT()))
        self.sum = context.get_reducing_state(ReducingStateDescriptor("sum", Sum(), Types.LONG()))
        self.mean = context.get_aggregating_state(AggregatingStateDescriptor(
            "mean", Mean(), Types.TUPLE([Types.LONG(), Types.LONG()])))

    def process_element(self, value, ctx):
        name, amount, at = value
        self.last.update(at)
        self.total.update((self.total.value() or 0) + amount)
        self.label.update(name + "!")
        self.thing.update(pickled(name, amount))
        self.row.update(Row(name, amount, None))
        self.names.add(f"{name}{amount}")
        self.counts.put(f"{name}-{amount}", amount)
        self.sum.add(amount)
        self.mean.add(amount)
        ctx.timer_service().register_event_time_timer(200000 + at)
        ctx.timer_service().register_processing_time_timer(FAR + amount)
        yield name

    def on_timer(self, timestamp, ctx):
        yield str(timestamp)


class Total(KeyedProcessFunction):
    """A sum by a key of another type."""

    def open(self, context):
        self.total = context.get_state(ValueStateDescriptor("total", Types.LONG()))

    def process_element(self, value, ctx):
        self.total.update((self.total.value() or 0) + value[1])
        ctx.timer_service().register_event_time_timer(FAR)
        yield str(value[1])

    def on_timer(self, timestamp, ctx):
        yield ""


class Count(ProcessWindowFunction):
    def process(self, key, context, elements):
        seen = context.global_state().get_state(ValueStateDescriptor("seen", Types.INT()))
        seen.update((seen.value() or 0) + 1)
        yield f"{key} {len(list(elements))}"

    def clear(self, context):
        pass


RULES = MapStateDescriptor("rules", Types.STRING(), Types.LONG())


class Rules(KeyedBroadcastProcessFunction):
    def process_element(self, value, ctx):
        yield value[0]

    def process_broadcast_element(self, value, ctx):
        ctx.get_broadcast_state(RULES).put(value[0], value[1])
        yield value[0]


class At(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return value[2]


def data_stream_job(env, lines, threads):
    events = lines.map(parse, EVENT).uid("parse-001").assign_timestamps_and_watermarks(
        WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(At())).uid("times-001")
    by_name = lambda: events.key_by(lambda event: event[0], Types.STRING())
    reduced = lambda windowed, uid: windowed.reduce(
        lambda a, b: Row(a[0], a[1] + b[1], b[2]), output_type=EVENT).uid(uid).map(lambda row: row[0], Types.STRING())
    minute = TumblingEventTimeWindows.of(Time.minutes(1))
    results = [
        by_name().process(States(), Types.STRING()).uid("states-001"),
        events.key_by(lambda event: Row(event[0], event[1]), Types.ROW([Types.STRING(), Types.LONG()]))
            .process(Total(), Types.STRING()).uid("row-key-001"),
        events.key_by(lambda event: (event[0], event[1]), Types.TUPLE([Types.STRING(), Types.INT()]))
            .process(Total(), Types.STRING()).uid("tuple-key-001"),
        events.key_by(lambda event: (event[0], event[1] > 2)).process(Total(), Types.STRING()).uid("pickled-key-001"),
        reduced(by_name().window(minute), "window-reduce-001"),
        by_name().connect(events.broadcast(RULES)).process(Rules(), Types.STRING()).uid("broadcast-001"),
    ]
    if not threads:  # Flink cannot take a snapshot of what these keep beside their windows in thread mode
        results += [
            by_name().window(minute).process(Count(), Types.STRING()).uid("window-process-001"),
            by_name().window(EventTimeSessionWindows.with_gap(Time.seconds(90)))
                .process(Count(), Types.STRING()).uid("window-session-001"),
            reduced(by_name().count_window(2), "window-count-001"),
        ]
    results[0].union(*results[1:]).print()
    return env.execute_async("pyflink")


def parse(line):
    name, amount, at = line.split(",")
    return Row(name, int(amount), int(at))


class SumAndCount(TableAggregate):
    def create_accumulator(self):
        return Row(0, 0)

    def get_value(self, accumulator):
        return accumulator[0]

    def accumulate(self, accumulator, value):
        accumulator[0] += value
        accumulator[1] += 1

    def retract(self, accumulator, value):
        accumulator[0] -= value
        accumulator[1] -= 1

    def get_result_type(self):
        return DataTypes.BIGINT()

    def get_accumulator_type(self):
        return DataTypes.ROW([DataTypes.FIELD("f0", DataTypes.BIGINT()), DataTypes.FIELD("f1", DataTypes.BIGINT())])


def table_job(env, lines):
    tables = StreamTableEnvironment.create(env)
    tables.create_temporary_view("events", tables.from_data_stream(lines.map(parse, EVENT).uid("parse-001")))
    tables.create_temporary_function("total", udaf(SumAndCount()))
    result = tables.sql_query("SELECT name, total(amount) AS total FROM events GROUP BY name")
    tables.to_changelog_stream(result).print()
    return env.execute_async("pyflink")
