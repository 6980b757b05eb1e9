import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.streaming.api.graph.StreamGraphHasherV2;
import org.apache.flink.streaming.api.graph.StreamNode;
import org.apache.flink.util.StringUtils;

/**
 * Prints the plan of a Flink job, {@code spt.plan/1}, without running it:
 *
 * <pre>
 *   javac -cp "$FLINK/lib/*" -d build docs/flink-plan/PlanOfJob.java
 *   java  -cp "build:job.jar:$FLINK/lib/*" PlanOfJob com.acme.MyJob --its arguments > plan.json
 *   spt validate savepoint --against plan.json --accept-unknown
 * </pre>
 *
 * The job's own {@code main} runs up to {@code execute}, which prints instead. Operators come with their uid, id,
 * name and parallelism. Their states are not in it: a job of Flink declares those when it is opened. Java 17 needs
 * {@code --add-opens java.base/java.util=ALL-UNNAMED} where the job itself would need it.
 */
public final class PlanOfJob {
    public static void main(String[] args) throws Throwable {
        if (args.length == 0) {
            System.err.println("usage: PlanOfJob MAIN-CLASS [ARGUMENTS]");
            System.exit(2);
        }
        PlanEnvironment.install();
        Class<?> job = Class.forName(args[0]);
        String[] rest = Arrays.copyOfRange(args, 1, args.length);
        try {
            job.getMethod("main", String[].class).invoke(null, (Object) rest);
            System.err.println(args[0] + " ended without execute()");
            System.exit(1);
        } catch (java.lang.reflect.InvocationTargetException e) {
            if (!(rootOf(e) instanceof Printed)) {
                throw e.getCause();
            }
        }
    }

    private static Throwable rootOf(Throwable e) {
        return e.getCause() == null ? e : rootOf(e.getCause());
    }

    /** The plan is printed; the job must not go on. */
    private static final class Printed extends Error {}

    /** What the job gets as its environment. */
    private static final class PlanEnvironment extends StreamExecutionEnvironment {
        PlanEnvironment(Configuration configuration) {
            super(configuration);
        }

        static void install() {
            initializeContextEnvironment(PlanEnvironment::new);
        }

        @Override
        public JobExecutionResult execute(StreamGraph graph) {
            throw print(graph);
        }

        @Override
        public JobClient executeAsync(StreamGraph graph) {
            throw print(graph);
        }
    }

    private static Printed print(StreamGraph graph) {
        Map<Integer, byte[]> hashes = new StreamGraphHasherV2().traverseStreamGraphAndGenerateHashes(graph);
        Map<Integer, StreamNode> nodes = new TreeMap<>();
        graph.getStreamNodes().forEach(node -> nodes.put(node.getId(), node));
        StringBuilder out = new StringBuilder("{\"schema\":\"spt.plan/1\"");
        member(out, "job", graph.getJobName());
        member(out, "flink_version", EnvironmentInformation.getVersion());
        out.append(",\"operators\":[");
        String separator = "\n  ";
        for (StreamNode node : nodes.values()) {
            out.append(separator).append(operator(node, hashes.get(node.getId())));
            separator = ",\n  ";
        }
        byte[] document = out.append("]}\n").toString().getBytes(StandardCharsets.UTF_8);
        System.out.write(document, 0, document.length);
        System.out.flush();
        return new Printed();
    }

    private static String operator(StreamNode node, byte[] hash) {
        String id = node.getUserHash() != null ? node.getUserHash() : StringUtils.byteToHexString(hash);
        StringBuilder out = new StringBuilder("{\"operator_id\":").append(quoted(id));
        member(out, "uid", node.getTransformationUID());
        member(out, "name", node.getOperatorName());
        number(out, "parallelism", node.getParallelism());
        number(out, "max_parallelism", node.getMaxParallelism());
        return out.append('}').toString();
    }

    private static void member(StringBuilder out, String name, String text) {
        if (text != null) {
            out.append(",\"").append(name).append("\":").append(quoted(text));
        }
    }

    /** Flink says -1 for what nobody has set; it then takes over what the savepoint has. */
    private static void number(StringBuilder out, String name, int number) {
        if (number > 0) {
            out.append(",\"").append(name).append("\":").append(number);
        }
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
