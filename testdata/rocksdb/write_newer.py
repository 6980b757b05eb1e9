"""Writes the databases of a newer RocksDB, through `pip install rocksdict==0.3.29`.

    python write_newer.py FOLDER SEED OPERATIONS

Two column families, format version 6, as `write.cc` but without merges and ingestion, which this binding
does not offer.
"""

import pathlib
import random
import shutil
import sys

from rocksdict import BlockBasedOptions, Checkpoint, ChecksumType, DBCompressionType, Options, Rdict

folder, seed, operations = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
folder.mkdir(parents=True)

table = BlockBasedOptions()
table.set_format_version(6)
table.set_block_size(200)
table.set_checksum_type(ChecksumType.xxh3())
table.set_index_block_restart_interval(4)
options = Options(raw_mode=True)
options.set_block_based_table_factory(table)
options.set_compression_type(DBCompressionType.snappy())
options.set_target_file_size_base(4096)
options.set_max_bytes_for_level_base(8192)

live = Rdict(str(folder / "live"), options)
families = [live.create_column_family(f"state-{n}", options) for n in range(2)]
rng = random.Random(seed)


def key():
    return bytes([rng.randrange(128)]) + b"key-%d" % rng.randrange(40)


for _ in range(operations):
    family, what = rng.choice(families), rng.randrange(100)
    if what < 70:
        family[key()] = b"abc" * rng.randrange(12)
    elif what < 90:
        gone = key()
        if gone in family:
            del family[gone]
    elif what < 94:
        start = key()
        family.delete_range(start, bytes([min(127, start[0] + rng.randrange(5))]) + b"z")
    elif what < 98:
        family.flush()
    else:
        family.compact_range(key(), None)

for family in families:
    family.flush()
Checkpoint(live).create_checkpoint(str(folder / "database"))
with open(folder / "expected.txt", "w") as expected:
    for n, family in enumerate(families):
        for name, value in family.items():
            expected.write(f"state-{n} {name.hex().upper()} {value.hex().upper()}\n")
live.close()
shutil.rmtree(folder / "live")
