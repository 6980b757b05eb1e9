import java.io.*;
import java.math.*;
import java.nio.file.*;
import java.time.*;
import java.util.*;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeinfo.*;
import org.apache.flink.api.common.typeutils.*;
import org.apache.flink.api.common.typeutils.base.*;
import org.apache.flink.api.common.typeutils.base.array.*;
import org.apache.flink.api.java.tuple.*;
import org.apache.flink.api.java.typeutils.*;
import org.apache.flink.api.java.typeutils.runtime.*;
import org.apache.flink.cep.nfa.*;
import org.apache.flink.cep.nfa.sharedbuffer.*;
import org.apache.flink.core.memory.*;
import org.apache.flink.runtime.state.*;
import org.apache.flink.runtime.state.ttl.*;
import org.apache.flink.streaming.api.operators.*;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.api.windowing.windows.*;
import org.apache.flink.streaming.runtime.streamrecord.*;
import org.apache.flink.table.data.*;
import org.apache.flink.table.runtime.typeutils.*;
import org.apache.flink.table.types.logical.*;
import org.apache.flink.types.*;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/** Writes, for each serializer, its length, its snapshot, and values with the JSON they must become. */
public final class Serializers {
    static final StringBuilder text = new StringBuilder();

    public enum Color { RED, GREEN, BLUE }
    public static class Animal { public String name; public int legs; public Animal() {} public Animal(String n, int l) { name = n; legs = l; } }
    public static class Bird extends Animal { public double span; public Bird() {} public Bird(String n, int l, double s) { super(n, l); span = s; } }
    public static class Fish extends Animal { public Long depth; public Fish() {} public Fish(String n, int l, Long d) { super(n, l); depth = d; } }
    public static class Nothing { public Nothing() {} }

    @SuppressWarnings("unchecked")
    static <T> void write(String name, TypeSerializer<T> serializer, Object... pairs) throws Exception {
        HexFormat hex = HexFormat.of();
        StringBuilder values = new StringBuilder();
        for (int i = 0; i < pairs.length; i += 2) {
            DataOutputSerializer out = new DataOutputSerializer(64);
            serializer.serialize((T) pairs[i], out);
            values.append("value ").append(out.length() == 0 ? "-" : hex.formatHex(out.getCopyOfBuffer())).append(' ').append(pairs[i + 1]).append('\n');
        }
        DataOutputSerializer out = new DataOutputSerializer(64);
        TypeSerializerSnapshotSerializationUtil.writeSerializerSnapshot(out, serializer.snapshotConfiguration());
        text.append("name ").append(name).append('\n');
        text.append("length ").append(serializer.getLength()).append('\n');
        text.append("snapshot ").append(hex.formatHex(out.getCopyOfBuffer())).append('\n').append(values).append('\n');
    }

    static <T> TypeSerializer<T> of(TypeInformation<T> type) { return type.createSerializer(new SerializerConfigImpl()); }

    public static void main(String[] args) throws Exception {
        basic();
        composite();
        objects();
        streaming();
        sql();
        cep();
        Files.writeString(Path.of(args[0]), text.toString());
    }

    static void basic() throws Exception {
        write("boolean", BooleanSerializer.INSTANCE, true, "true", false, "false");
        write("byte", ByteSerializer.INSTANCE, (byte) -128, "-128");
        write("short", ShortSerializer.INSTANCE, (short) -2, "-2");
        write("int", IntSerializer.INSTANCE, Integer.MIN_VALUE, "-2147483648");
        write("long", LongSerializer.INSTANCE, Long.MAX_VALUE, "9223372036854775807");
        write("float", FloatSerializer.INSTANCE, 1.5f, "1.5", Float.NaN, "\"NaN\"");
        write("double", DoubleSerializer.INSTANCE, -0.0, "-0.0", Double.POSITIVE_INFINITY, "\"Infinity\"");
        write("char", CharSerializer.INSTANCE, 'ß', "\"ß\"");
        write("string", StringSerializer.INSTANCE, "a\0ö😀", "\"a\\u0000ö😀\"", "", "\"\"", null, "null");
        write("string-value", StringValueSerializer.INSTANCE, new StringValue("äb"), "\"äb\"");
        write("int-value", IntValueSerializer.INSTANCE, new IntValue(7), "7");
        write("null-value", NullValueSerializer.INSTANCE, NullValue.getInstance(), "{}");
        write("void", VoidSerializer.INSTANCE, null, "{}");
        write("big-integer", BigIntSerializer.INSTANCE, BigInteger.ZERO, "\"0\"", BigInteger.ONE, "\"1\"", BigInteger.TEN, "\"10\"", new BigInteger("0"), "\"0\"",
            new BigInteger("-123456789012345678901234567890"), "\"-123456789012345678901234567890\"", BigInteger.valueOf(128), "\"128\"", null, "null");
        write("big-decimal", BigDecSerializer.INSTANCE, new BigDecimal("12.50"), "\"12.50\"", BigDecimal.ZERO, "\"0\"", new BigDecimal("-1E+3"), "\"-1E+3\"", null, "null");
        write("date", DateSerializer.INSTANCE, new Date(1), "\"1970-01-01T00:00:00.001Z\"", null, "null");
        write("sql-date", SqlDateSerializer.INSTANCE, new java.sql.Date(86400000L), "\"1970-01-02T00:00:00Z\"");
        write("sql-time", SqlTimeSerializer.INSTANCE, new java.sql.Time(3600000L), "\"1970-01-01T01:00:00Z\"");
        java.sql.Timestamp ts = new java.sql.Timestamp(-1500L); ts.setNanos(500000007);
        write("sql-timestamp", SqlTimestampSerializer.INSTANCE, ts, "\"1969-12-31T23:59:58.500000007Z\"", null, "null");
        write("instant", InstantSerializer.INSTANCE, Instant.ofEpochSecond(1, 5), "\"1970-01-01T00:00:01.000000005Z\"", Instant.parse("9999-12-31T23:59:59.999999999Z"), "\"9999-12-31T23:59:59.999999999Z\"",
            Instant.MAX, "\"+1000000000-12-31T23:59:59.999999999Z\"", null, "null");
        write("local-date", LocalDateSerializer.INSTANCE, LocalDate.of(2024, 2, 29), "\"2024-02-29\"", LocalDate.of(1, 1, 1), "\"0001-01-01\"", null, "null");
        write("local-time", LocalTimeSerializer.INSTANCE, LocalTime.of(23, 59, 58, 7), "\"23:59:58.000000007\"", null, "null");
        write("local-date-time", LocalDateTimeSerializer.INSTANCE, LocalDateTime.of(1, 1, 1, 0, 0, 0, 1), "\"0001-01-01T00:00:00.000000001\"", LocalDateTime.of(2600, 1, 2, 3, 4, 5), "\"2600-01-02T03:04:05\"", null, "null");
        write("bytes", BytePrimitiveArraySerializer.INSTANCE, new byte[] {1, 2, 3}, "{\"$bytes\":\"AQID\"}", new byte[0], "{\"$bytes\":\"\"}");
        write("booleans", BooleanPrimitiveArraySerializer.INSTANCE, new boolean[] {true, false}, "[true,false]");
        write("chars", CharPrimitiveArraySerializer.INSTANCE, new char[] {'a', 'b'}, "[\"a\",\"b\"]");
        write("shorts", ShortPrimitiveArraySerializer.INSTANCE, new short[] {1, -1}, "[1,-1]");
        write("ints", IntPrimitiveArraySerializer.INSTANCE, new int[] {1, -1}, "[1,-1]");
        write("longs", LongPrimitiveArraySerializer.INSTANCE, new long[] {1, -1}, "[1,-1]");
        write("floats", FloatPrimitiveArraySerializer.INSTANCE, new float[] {0.5f}, "[0.5]");
        write("doubles", DoublePrimitiveArraySerializer.INSTANCE, new double[] {0.5, -2}, "[0.5,-2.0]");
        write("strings", StringArraySerializer.INSTANCE, new String[] {"a", null}, "[\"a\",null]");
        write("enum", new EnumSerializer<>(Color.class), Color.BLUE, "\"BLUE\"", Color.RED, "\"RED\"");
    }

    static void composite() throws Exception {
        write("list", new ListSerializer<>(StringSerializer.INSTANCE), List.of("a", "b"), "[\"a\",\"b\"]", List.of(), "[]");
        Set<Long> set = new LinkedHashSet<>(Arrays.asList(9L, -1L, null, 3L));
        write("set", new SetSerializer<>(LongSerializer.INSTANCE), set, "[null,-1,3,9]");
        Map<String, Integer> map = new LinkedHashMap<>(); map.put("b", 1); map.put("a", null);
        write("map", new MapSerializer<>(StringSerializer.INSTANCE, IntSerializer.INSTANCE), map, "{\"a\":null,\"b\":1}");
        Map<Long, String> map2 = new LinkedHashMap<>(); map2.put(5L, "x"); map2.put(-5L, null);
        write("map-of-longs", new MapSerializer<>(LongSerializer.INSTANCE, StringSerializer.INSTANCE), map2, "[[-5,null],[5,\"x\"]]");
        write("object-array", new GenericArraySerializer<>(Integer.class, IntSerializer.INSTANCE), new Integer[] {1, null, 3}, "[1,null,3]");
        write("tuple", of(new TupleTypeInfo<Tuple3<String, Long, Tuple1<Boolean>>>(Types.STRING, Types.LONG, new TupleTypeInfo<Tuple1<Boolean>>(Types.BOOLEAN))),
            Tuple3.of("a", 1L, Tuple1.of(true)), "{\"f0\":\"a\",\"f1\":1,\"f2\":{\"f0\":true}}", Tuple3.of(null, 1L, Tuple1.of(false)), "{\"f0\":null,\"f1\":1,\"f2\":{\"f0\":false}}");
        write("tuple-of-fixed", of(new TupleTypeInfo<Tuple2<Integer, Long>>(Types.INT, Types.LONG)), Tuple2.of(1, 2L), "{\"f0\":1,\"f1\":2}");
        write("tuple-with-nothing", new TupleSerializer<>((Class<Tuple2<NullValue, Integer>>) (Class<?>) Tuple2.class, new TypeSerializer<?>[] {NullValueSerializer.INSTANCE, IntSerializer.INSTANCE}), Tuple2.of(NullValue.getInstance(), 3), "{\"f0\":{},\"f1\":3}");
        write("tuple0", Tuple0Serializer.INSTANCE, Tuple0.INSTANCE, "{}");
        write("either", of(new EitherTypeInfo<>(Types.STRING, Types.LONG)), Either.Left("l"), "{\"left\":\"l\"}", Either.Right(5L), "{\"right\":5}");
        write("nullable", NullableSerializer.wrap(StringSerializer.INSTANCE, false), "x", "\"x\"", null, "null");
        write("nullable-padded", NullableSerializer.wrap(LongSerializer.INSTANCE, true), 3L, "3", null, "null");
        write("row", of(Types.ROW(Types.STRING, Types.LONG, Types.INT)), Row.of("a", null, 3), "{\"f0\":\"a\",\"f1\":null,\"f2\":3}", Row.ofKind(RowKind.UPDATE_BEFORE, "a", 2L, null), "{\"$kind\":\"-U\",\"f0\":\"a\",\"f1\":2,\"f2\":null}",
            Row.ofKind(RowKind.UPDATE_AFTER, null, null, null), "{\"$kind\":\"+U\",\"f0\":null,\"f1\":null,\"f2\":null}", Row.ofKind(RowKind.DELETE, null, null, 1), "{\"$kind\":\"-D\",\"f0\":null,\"f1\":null,\"f2\":1}");
        TypeInformation<?>[] nine = new TypeInformation<?>[9]; Arrays.fill(nine, Types.INT);
        write("row-of-nine", of(Types.ROW(nine)), Row.of(0, 1, 2, 3, 4, 5, 6, null, 8), "{\"f0\":0,\"f1\":1,\"f2\":2,\"f3\":3,\"f4\":4,\"f5\":5,\"f6\":6,\"f7\":null,\"f8\":8}");
        write("linked-list", new LinkedListSerializer<>(LongSerializer.INSTANCE), new LinkedList<>(Arrays.asList(1L, null, 3L, 4L, 5L, 6L, 7L, 8L, null, 10L)), "[1,null,3,4,5,6,7,8,null,10]");
        TreeMap<Long, String> sorted = new TreeMap<>(Comparator.reverseOrder()); sorted.put(1L, "a"); sorted.put(2L, null);
        write("sorted-map", new SortedMapSerializer<>(new Descending(), LongSerializer.INSTANCE, StringSerializer.INSTANCE), sorted, "[[1,\"a\"],[2,null]]");
    }

    public static class Descending implements Comparator<Long>, Serializable { public int compare(Long a, Long b) { return b.compareTo(a); } }

    static void objects() throws Exception {
        SerializerConfigImpl config = new SerializerConfigImpl();
        config.registerPojoType(Bird.class);
        TypeSerializer<Animal> animal = TypeInformation.of(Animal.class).createSerializer(config);
        // A subclass that was not registered is in the snapshot once one was written.
        DataOutputSerializer out = new DataOutputSerializer(64);
        animal.serialize(new Fish("warm", 0, 1L), out);
        String base = "Serializers$Animal", bird = "Serializers$Bird", fish = "Serializers$Fish";
        write("pojo-with-subclasses", animal, new Animal("dog", 4), "{\"" + base + "\":{\"legs\":4,\"name\":\"dog\"}}", new Bird("owl", 2, 0.5), "{\"" + bird + "\":{\"legs\":2,\"name\":\"owl\",\"span\":0.5}}",
            new Fish("cod", 0, null), "{\"" + fish + "\":{\"depth\":null,\"legs\":0,\"name\":\"cod\"}}", null, "null");
        write("pojo", TypeInformation.of(Animal.class).createSerializer(new SerializerConfigImpl()), new Animal(null, 1), "{\"legs\":1,\"name\":null}", null, "null");
        write("list-of-pojos", new ListSerializer<>(TypeInformation.of(Animal.class).createSerializer(new SerializerConfigImpl())), Arrays.asList(new Animal("a", 1), null, new Animal(null, 2)), "[{\"legs\":1,\"name\":\"a\"},null,{\"legs\":2,\"name\":null}]");
        kryo("kryo-list", ArrayList.class, List.of("{\"list\":[{\"string\":\"a\"},{\"string\":\"bc\"}]}", "{\"list\":[]}", "{\"list\":[{\"string\":\"a\"},null]}", "{\"list\":[{\"string\":\"a\"},{\"int\":1},{\"double\":2.5},{\"long\":-7},{\"boolean\":true}]}", "{\"list\":[null,null]}", "{\"list\":[{\"opaque\":{\"$opaque\":{\"class\":\"java.util.ArrayList\",\"bytes\":\"ggMAAYJ4\"}}},{\"opaque\":{\"$opaque\":{\"class\":\"java.util.ArrayList\",\"bytes\":\"AQ==\"}}}]}", "{\"list\":[" + String.join(",", Collections.nCopies(200, "{\"long\":1}")) + "]}"),
            new ArrayList<>(List.of("a", "bc")), new ArrayList<>(), new ArrayList<>(Arrays.asList("a", null)), new ArrayList<>(Arrays.asList("a", 1, 2.5, -7L, true)), new ArrayList<>(Arrays.asList(null, null)),
            new ArrayList<>(List.of(new ArrayList<>(List.of("x")), new ArrayList<>())), new ArrayList<>(Collections.nCopies(200, 1L)));
        kryo("kryo-map", HashMap.class, List.of("{\"map\":[{\"key\":{\"string\":\"k\"},\"value\":{\"int\":1}}]}", "{\"map\":[]}", "{\"map\":[{\"key\":{\"string\":\"k\"},\"value\":{\"opaque\":{\"$opaque\":{\"class\":\"java.util.HashMap\",\"bytes\":\"ggMAAYJ2\"}}}}]}"),
            new HashMap<>(Map.of("k", 1)), new HashMap<>(), new HashMap<>(Map.of("k", new ArrayList<>(List.of("v")))));
        kryo("kryo-set", LinkedHashSet.class, List.of("{\"set\":[{\"long\":1},{\"long\":2}]}"), new LinkedHashSet<>(List.of(1L, 2L)));
        kryo("kryo-object", Object.class, List.of(), "text", "text of more than sixty-four characters, so that its length is written in front", "ä", 1, -1L, 2.5f, 2.5, 'c', true, (byte) 1, (short) 2, new Date(5), UUID.fromString("00000000-0000-0001-0000-000000000002"),
            BitSet.valueOf(new long[] {5}), new BigDecimal("1.5"), BigInteger.TEN, new byte[] {1, 2});
        write("java", new JavaSerializer<Serializable>(), new ArrayList<>(List.of("a", 1)), "opaque");
    }

    /** Values of Kryo with a text behind each: their ends have to be found. Those without JSON are opaque. */
    @SuppressWarnings("unchecked")
    static <T> void kryo(String name, Class<?> type, List<String> json, Object... values) throws Exception {
        TypeSerializer<Object> kryo = ((TypeInformation<Object>) (TypeInformation<?>) new GenericTypeInfo<>(type)).createSerializer(new SerializerConfigImpl());
        TypeSerializer<?>[] fields = {kryo, StringSerializer.INSTANCE};
        Object[] pairs = new Object[2 * values.length];
        for (int i = 0; i < values.length; i++) {
            DataOutputSerializer out = new DataOutputSerializer(64);
            kryo.serialize(values[i], out);
            pairs[2 * i] = Tuple2.of(values[i], "behind");
            String opaque = "{\"$opaque\":{\"class\":\"" + type.getName() + "\",\"bytes\":\"" + Base64.getEncoder().encodeToString(out.getCopyOfBuffer()) + "\"}}";
            pairs[2 * i + 1] = "{\"f0\":" + (i < json.size() ? json.get(i) : opaque) + ",\"f1\":\"behind\"}";
        }
        write(name, new TupleSerializer<>((Class<Tuple2<Object, String>>) (Class<?>) Tuple2.class, fields), pairs);
    }

    static void streaming() throws Exception {
        write("void-namespace", VoidNamespaceSerializer.INSTANCE, VoidNamespace.INSTANCE, "{}");
        write("time-window", new TimeWindow.Serializer(), new TimeWindow(-5, 10), "{\"start\":-5,\"end\":10}");
        write("global-window", new GlobalWindow.Serializer(), GlobalWindow.get(), "{}");
        write("count-window", new org.apache.flink.table.runtime.operators.window.CountWindow.Serializer(), new org.apache.flink.table.runtime.operators.window.CountWindow(3), "3");
        TimerSerializer<String, TimeWindow> timer = new TimerSerializer<>(StringSerializer.INSTANCE, new TimeWindow.Serializer());
        write("timer", timer, new TimerHeapInternalTimer<>(-1L, "k", new TimeWindow(1, 2)), "{\"timestamp\":\"1969-12-31T23:59:59.999Z\",\"key\":\"k\",\"namespace\":{\"start\":1,\"end\":2}}");
        write("stream-element", new StreamElementSerializer<>(StringSerializer.INSTANCE), new StreamRecord<>("a", 5L), "{\"record\":{\"timestamp\":5,\"value\":\"a\"}}", new StreamRecord<>("b"), "{\"record\":{\"timestamp\":null,\"value\":\"b\"}}",
            new Watermark(7), "{\"watermark\":7}", new LatencyMarker(1, new org.apache.flink.runtime.jobgraph.OperatorID(2, 3), 4), "{\"latency_marker\":{\"marked_time\":1,\"operator_id\":{\"$bytes\":\"AAAAAAAAAAIAAAAAAAAAAw==\"},\"subtask\":4}}");
        write("buffer-entry", new org.apache.flink.streaming.api.operators.co.IntervalJoinOperator.BufferEntrySerializer<>(LongSerializer.INSTANCE), new org.apache.flink.streaming.api.operators.co.IntervalJoinOperator.BufferEntry<>(7L, true), "{\"has_been_joined\":true,\"element\":7}");
        write("array-list", new ArrayListSerializer<>(LongSerializer.INSTANCE), new ArrayList<>(List.of(1L, 2L)), "[1,2]");
        TypeSerializer<?> ttl = new TtlStateFactory.TtlSerializer<>(LongSerializer.INSTANCE, StringSerializer.INSTANCE);
        write("ttl", ttl, new TtlValue<>("v", 9L), "{\"last_access\":\"1970-01-01T00:00:00.009Z\",\"value\":\"v\"}");
    }

    static void sql() throws Exception {
        LogicalType string = VarCharType.STRING_TYPE;
        RowType inner = RowType.of(new IntType(), string);
        LogicalType[] types = {
            new BooleanType(), new TinyIntType(), new SmallIntType(), new IntType(), new BigIntType(), new FloatType(), new DoubleType(), string, new VarBinaryType(20), new DecimalType(10, 2), new DecimalType(38, 10),
            new DateType(), new TimeType(3), new TimestampType(3), new TimestampType(6), new TimestampType(9), new LocalZonedTimestampType(3), new LocalZonedTimestampType(9),
            new YearMonthIntervalType(YearMonthIntervalType.YearMonthResolution.YEAR), new DayTimeIntervalType(DayTimeIntervalType.DayTimeResolution.DAY),
            new ArrayType(new IntType()), new ArrayType(string), new ArrayType(new DecimalType(38, 2)), new ArrayType(new TimestampType(9)), new ArrayType(new BooleanType()), new MapType(string, new BigIntType()), new MultisetType(string), inner,
        };
        RowDataSerializer row = new RowDataSerializer(types);
        Map<StringData, Long> map = new LinkedHashMap<>(); map.put(StringData.fromString("b"), 2L); map.put(StringData.fromString("a long key"), null);
        Map<StringData, Integer> multiset = new LinkedHashMap<>(); multiset.put(StringData.fromString("x"), 3);
        GenericRowData full = GenericRowData.ofKind(RowKind.INSERT, true, (byte) -1, (short) -2, -3, -4L, 0.5f, -0.25, StringData.fromString("in-line"), new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9},
            DecimalData.fromBigDecimal(new BigDecimal("-12.50"), 10, 2), DecimalData.fromBigDecimal(new BigDecimal("12345678901234567890.0123456789"), 38, 10), 19000, 3723004,
            TimestampData.fromEpochMillis(-1), TimestampData.fromEpochMillis(-1, 999000), TimestampData.fromEpochMillis(253402300799999L, 999999), TimestampData.fromEpochMillis(5), TimestampData.fromEpochMillis(5, 7),
            14, 90061001L, new GenericArrayData(new Integer[] {1, null, -3}), new GenericArrayData(new Object[] {StringData.fromString("short"), null, StringData.fromString("longer than seven bytes")}),
            new GenericArrayData(new Object[] {DecimalData.fromBigDecimal(new BigDecimal("-0.01"), 38, 2), null}), new GenericArrayData(new Object[] {TimestampData.fromEpochMillis(1, 2), null}), new GenericArrayData(new Boolean[] {true, null, false}),
            new GenericMapData(map), new GenericMapData(multiset), GenericRowData.ofKind(RowKind.DELETE, 5, null));
        String json = "{\"f0\":true,\"f1\":-1,\"f2\":-2,\"f3\":-3,\"f4\":-4,\"f5\":0.5,\"f6\":-0.25,\"f7\":\"in-line\",\"f8\":{\"$bytes\":\"AQIDBAUGBwgJ\"},\"f9\":\"-12.50\",\"f10\":\"12345678901234567890.0123456789\","
            + "\"f11\":\"2022-01-08\",\"f12\":\"01:02:03.004\",\"f13\":\"1969-12-31T23:59:59.999\",\"f14\":\"1969-12-31T23:59:59.999999\",\"f15\":\"9999-12-31T23:59:59.999999999\",\"f16\":\"1970-01-01T00:00:00.005Z\",\"f17\":\"1970-01-01T00:00:00.005000007Z\","
            + "\"f18\":14,\"f19\":\"PT25H1M1.001S\",\"f20\":[1,null,-3],\"f21\":[\"short\",null,\"longer than seven bytes\"],\"f22\":[\"-0.01\",null],\"f23\":[\"1970-01-01T00:00:00.001000002\",null],\"f24\":[true,null,false],"
            + "\"f25\":{\"a long key\":null,\"b\":2},\"f26\":{\"x\":3},\"f27\":{\"$kind\":\"-D\",\"f0\":5,\"f1\":null}}";
        GenericRowData empty = new GenericRowData(RowKind.UPDATE_AFTER, types.length);
        StringBuilder nulls = new StringBuilder("{\"$kind\":\"+U\"");
        for (int i = 0; i < types.length; i++) { nulls.append(",\"f").append(i).append("\":null"); }
        write("sql-row", row, full, json, empty, nulls.append('}').toString());
        write("sql-row-without-columns", new RowDataSerializer(new LogicalType[0]), new GenericRowData(0), "{}");
        write("sql-string", StringDataSerializer.INSTANCE, StringData.fromString("ä😀"), "\"ä😀\"");
        write("sql-decimal", new DecimalDataSerializer(10, 2), DecimalData.fromBigDecimal(new BigDecimal("-1.50"), 10, 2), "\"-1.50\"");
        write("sql-decimal-wide", new DecimalDataSerializer(38, 2), DecimalData.fromBigDecimal(new BigDecimal("-123456789012345678901.50"), 38, 2), "\"-123456789012345678901.50\"");
        write("sql-timestamp-3", new TimestampDataSerializer(3), TimestampData.fromEpochMillis(-1), "\"1969-12-31T23:59:59.999\"");
        write("sql-timestamp-6", new TimestampDataSerializer(6), TimestampData.fromEpochMillis(-1, 1000), "\"1969-12-31T23:59:59.999001\"");
        write("sql-timestamp-9", new TimestampDataSerializer(9), TimestampData.fromEpochMillis(-1, 1), "\"1969-12-31T23:59:59.999000001\"");
        write("sql-array", new ArrayDataSerializer(new BigIntType()), new GenericArrayData(new Long[] {1L, null}), "[1,null]");
        write("sql-map", new MapDataSerializer(new IntType(), string), new GenericMapData(Map.of(1, StringData.fromString("one"))), "[[1,\"one\"]]");
        write("sql-raw", new RawValueDataSerializer<>(StringSerializer.INSTANCE), RawValueData.fromObject("raw"), "\"raw\"");
    }

    static void cep() throws Exception {
        write("dewey-number", DeweyNumber.DeweyNumberSerializer.INSTANCE, DeweyNumber.fromString("1.2.3"), "[1,2,3]");
        write("event-id", EventId.EventIdSerializer.INSTANCE, new EventId(4, 5L), "{\"id\":4,\"timestamp\":5}");
        NodeId node = new NodeId(new EventId(4, 5L), "page");
        String json = "{\"event\":{\"id\":4,\"timestamp\":5},\"page\":\"page\"}";
        write("node-id", new NodeId.NodeIdSerializer(), node, json, null, "null");
        write("shared-buffer-edge", new SharedBufferEdge.SharedBufferEdgeSerializer(), new SharedBufferEdge(node, DeweyNumber.fromString("1")), "{\"target\":" + json + ",\"version\":[1]}");
        write("lockable", new Lockable.LockableTypeSerializer<>(StringSerializer.INSTANCE), new Lockable<>("e", 2), "{\"references\":2,\"element\":\"e\"}");
        ComputationState state = ComputationState.createState("s", node, DeweyNumber.fromString("1.0"), 10L, 11L, new EventId(1, 2L));
        String computation = "{\"state\":\"s\",\"previous_node\":" + json + ",\"version\":[1,0],\"start_timestamp\":10,\"previous_timestamp\":11,\"start_event\":{\"id\":1,\"timestamp\":2}}";
        write("nfa-state", new NFAStateSerializer(), new NFAState(List.of(state)), "{\"partial_matches\":[" + computation + "],\"completed_matches\":[]}");
    }
}
