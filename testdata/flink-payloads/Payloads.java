import java.lang.reflect.Constructor;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.*;

import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.connector.base.source.hybrid.*;
import org.apache.flink.connector.file.sink.FileSinkCommittable;
import org.apache.flink.connector.file.sink.FileSinkCommittableSerializer;
import org.apache.flink.connector.file.sink.writer.FileWriterBucketState;
import org.apache.flink.connector.file.sink.writer.FileWriterBucketStateSerializer;
import org.apache.flink.connector.file.src.*;
import org.apache.flink.connector.file.src.util.CheckpointedPosition;
import org.apache.flink.core.fs.*;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.fs.local.LocalFileSystem;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.metrics.groups.SinkCommitterMetricGroup;
import org.apache.flink.streaming.api.connector.sink2.*;
import org.apache.flink.streaming.api.functions.sink.filesystem.InProgressFileWriter.*;
import org.apache.flink.streaming.api.functions.sink.filesystem.OutputStreamBasedPartFileWriter.*;
import org.apache.flink.streaming.runtime.operators.sink.committables.*;

/**
 * Writes what Flink's own serializers of splits and enumerators write: name, version, hex of the payload.
 */
public class Payloads {
    static final StringBuilder OUT = new StringBuilder();

    static <T> void put(String name, SimpleVersionedSerializer<T> serializer, T value) throws Exception {
        byte[] bytes = serializer.serialize(value);
        OUT.append(name).append(' ').append(serializer.getVersion()).append(' ').append(HexFormat.of().formatHex(bytes)).append('\n');
    }

    public static void main(String[] args) throws Exception {
        NumberSequenceSource numbers = new NumberSequenceSource(0, 100);
        NumberSequenceSource.NumberSequenceSplit two = new NumberSequenceSource.NumberSequenceSplit("2", 51, 100);
        put("numbers.split", numbers.getSplitSerializer(), two);
        put("numbers.enumerator", numbers.getEnumeratorCheckpointSerializer(), new ArrayList<>(List.of(two)));

        FileSourceSplit whole = new FileSourceSplit("0000000001", new Path("hdfs://nameserver:9000/logs/a b.csv"), 0, 4096, 1700000000000L, 8192);
        FileSourceSplit part = new FileSourceSplit("0000000002", new Path("file:/logs/b.csv"), 4096, 4096, 0, 8192,
                new String[] {"host-1", "host-2"}, new CheckpointedPosition(5000, 7));
        put("files.split", FileSourceSplitSerializer.INSTANCE, whole);
        put("files.split", FileSourceSplitSerializer.INSTANCE, part);
        put("files.enumerator", new PendingSplitsCheckpointSerializer<>(FileSourceSplitSerializer.INSTANCE),
                PendingSplitsCheckpoint.fromCollectionSnapshot(List.of(whole, part), List.of(new Path("file:/logs/c.csv"))));

        Constructor<?> split = HybridSourceSplit.class.getDeclaredConstructors()[0];
        split.setAccessible(true);
        SimpleVersionedSerializer<HybridSourceSplit> hybrid = new HybridSourceSplitSerializer();
        put("hybrid.split", hybrid, (HybridSourceSplit) split.newInstance(0, FileSourceSplitSerializer.INSTANCE.serialize(part), 1, "0000000002"));
        put("hybrid.split", hybrid, (HybridSourceSplit) split.newInstance(1, new byte[] {1, 2, 3}, 7, "mine"));
        Constructor<?> state = HybridSourceEnumeratorState.class.getDeclaredConstructors()[0];
        state.setAccessible(true);
        put("hybrid.enumerator", new HybridSourceEnumeratorStateSerializer(),
                (HybridSourceEnumeratorState) state.newInstance(1, numbers.getEnumeratorCheckpointSerializer().serialize(new ArrayList<>(List.of(two))), 1));
        sinks();
        Files.writeString(Paths.get(args[0]), OUT);
    }

    @SuppressWarnings("unchecked")
    static <T> T make(Class<?> type, Object argument) throws Exception {
        Constructor<?> constructor = type.getDeclaredConstructors()[0];
        constructor.setAccessible(true);
        return (T) constructor.newInstance(argument);
    }

    static void sinks() throws Exception {
        Files.createDirectories(Paths.get("/tmp/sink/bucket"));
        RecoverableWriter writer = new LocalFileSystem().createRecoverableWriter();
        RecoverableFsDataOutputStream stream = writer.open(new Path("file:/tmp/sink/bucket/part-0"));
        stream.write("hello".getBytes());
        RecoverableWriter.ResumeRecoverable resume = stream.persist();
        RecoverableWriter.CommitRecoverable commit = stream.closeForCommit().getRecoverable();
        InProgressFileRecoverable open = new OutputStreamBasedInProgressFileRecoverable(resume, new Path("file:/tmp/sink/bucket/part-0"));
        PendingFileRecoverable done = new OutputStreamBasedPendingFileRecoverable(commit, new Path("file:/tmp/sink/bucket/part-0"), 5);

        SimpleVersionedSerializer<InProgressFileRecoverable> opens = make(
                OutputStreamBasedInProgressFileRecoverableSerializer.class, writer.getResumeRecoverableSerializer());
        SimpleVersionedSerializer<PendingFileRecoverable> dones = make(
                OutputStreamBasedPendingFileRecoverableSerializer.class, writer.getCommitRecoverableSerializer());
        SimpleVersionedSerializer<String> ids =
                org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.SimpleVersionedStringSerializer.INSTANCE;
        put("file.bucket", new FileWriterBucketStateSerializer(opens, dones),
                new FileWriterBucketState("2026-11-22", new Path("file:/tmp/sink/bucket"), 1700000000000L, open));
        put("file.bucket", new FileWriterBucketStateSerializer(opens, dones),
                new FileWriterBucketState("2026-11-22", new Path("file:/tmp/sink/bucket"), 1700000000000L, null));

        SinkCommitterMetricGroup metrics = (SinkCommitterMetricGroup) java.lang.reflect.Proxy.newProxyInstance(
                Payloads.class.getClassLoader(), new Class<?>[] {SinkCommitterMetricGroup.class},
                (proxy, method, arguments) -> method.getReturnType().isInterface()
                        ? java.lang.reflect.Proxy.newProxyInstance(Payloads.class.getClassLoader(), new Class<?>[] {method.getReturnType()}, (p, m, a) -> m.getReturnType() == long.class ? (Object) 0L : null)
                        : null);
        CommittableCollector<FileSinkCommittable> collector = CommittableCollector.of(metrics);
        collector.addMessage(new CommittableSummary<>(1, 2, 7L, 2, 0));
        collector.addMessage(new CommittableWithLineage<>(new FileSinkCommittable("2026-11-22", done), 7L, 1));
        collector.addMessage(new CommittableWithLineage<>(new FileSinkCommittable("2026-11-22", new Path("file:/tmp/sink/bucket/.compacted")), 7L, 1));
        SimpleVersionedSerializer<FileSinkCommittable> files = new FileSinkCommittableSerializer(dones, opens);
        put("file.committables", new CommittableCollectorSerializer<>(files, 1, 2, metrics), collector);
        put("empty.committables", new CommittableCollectorSerializer<>(files, 1, 2, metrics), CommittableCollector.of(metrics));
    }
}
