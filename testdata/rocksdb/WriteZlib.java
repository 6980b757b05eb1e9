import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.io.PrintWriter;
import org.rocksdb.*;

/** Writes databases whose tables are compressed with zlib, and what an iterator reads of them: see README.md. */
public class WriteZlib {
    public static void main(String[] args) throws Exception {
        RocksDB.loadLibrary();
        for (String name : new String[] {"zlib", "zlib-dictionary"}) {
            write(args[0] + "/" + name, name.endsWith("dictionary") ? 2048 : 0);
        }
    }

    static void write(String folder, int dictionary) throws Exception {
        ColumnFamilyOptions options = new ColumnFamilyOptions()
                .setCompressionType(CompressionType.ZLIB_COMPRESSION)
                .setBottommostCompressionType(CompressionType.ZLIB_COMPRESSION)
                .setCompressionOptions(new CompressionOptions().setMaxDictBytes(dictionary))
                .setBottommostCompressionOptions(
                        new CompressionOptions().setEnabled(true).setMaxDictBytes(dictionary))
                .setTableFormatConfig(new BlockBasedTableConfig().setBlockSize(1024));
        List<ColumnFamilyDescriptor> families = List.of(
                new ColumnFamilyDescriptor("default".getBytes()), new ColumnFamilyDescriptor("values".getBytes(), options));
        List<ColumnFamilyHandle> handles = new ArrayList<>();
        DBOptions db = new DBOptions().setCreateIfMissing(true).setCreateMissingColumnFamilies(true);
        try (RocksDB rocks = RocksDB.open(db, folder + "-work", families, handles);
                PrintWriter expected = new PrintWriter(folder + "/expected.txt")) {
            ColumnFamilyHandle values = handles.get(1);
            for (int i = 0; i < 900; i++) {
                byte[] key = key(i * 37 % 600);
                if (i % 11 == 10) {
                    rocks.delete(values, key);
                } else {
                    rocks.put(values, key, ("the value of number " + i + ", which is " + i * i).getBytes());
                }
                if (i == 500) {
                    rocks.flush(new FlushOptions(), values);
                    rocks.compactRange(values);
                }
            }
            rocks.flush(new FlushOptions(), values);
            RocksIterator iterator = rocks.newIterator(values);
            HexFormat hex = HexFormat.of().withUpperCase();
            for (iterator.seekToFirst(); iterator.isValid(); iterator.next()) {
                expected.printf("values %s %s%n", hex.formatHex(iterator.key()), hex.formatHex(iterator.value()));
            }
            iterator.close();
            Checkpoint.create(rocks).createCheckpoint(folder + "/database");
        }
    }

    /** The first byte stands for a key group. */
    static byte[] key(int number) {
        byte[] text = String.format("?key-%05d", number).getBytes(StandardCharsets.UTF_8);
        text[0] = (byte) (number % 128);
        return text;
    }
}
