"""Reads savepoints of format version 1 by SPEC.md alone: an independent check of text and writer.

    spec_check.py SAVEPOINT...

Needs pyarrow and duckdb. Section numbers are those of SPEC.md. Prints what it has checked; stops at the first
thing that is not as the text says.
"""

import hashlib
import json
import pathlib
import re
import struct
import sys

import duckdb
import pyarrow
import pyarrow.parquet

MASK = 0xFFFFFFFF
KEYED = {"value", "reducing", "aggregating", "list", "map", "timer"}
# Section 4: columns and field ids of each kind; a name in brackets may be absent.
ONE = ["key_group", "key", "[namespace]", "value", "[last_access]"]
PER_SUBTASK = ["subtask", "index", "value"]
COLUMNS = {
    "value": ONE, "reducing": ONE, "aggregating": ONE,
    "list": ["key_group", "key", "[namespace]", "index", "value", "[last_access]"],
    "map": ["key_group", "key", "[namespace]", "map_key", "value", "[last_access]"],
    "timer": ["key_group", "key", "[namespace]", "service", "domain", "timestamp"],
    "operator-list": PER_SUBTASK, "union": PER_SUBTASK, "raw": PER_SUBTASK, "coordinator": PER_SUBTASK,
    "channel": PER_SUBTASK, "broadcast": ["map_key", "value"],
}
IDS = {"key_group": 1, "key": 2, "namespace": 3, "map_key": 4, "subtask": 5, "index": 6, "value": 7,
       "service": 8, "domain": 9, "timestamp": 10, "last_access": 11}


def check(condition, what):
    if not condition:
        raise SystemExit(f"spec-check: {what}")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def no_duplicates(pairs):
    check(len({name for name, _ in pairs}) == len(pairs), f"a member comes twice: {[name for name, _ in pairs]}")
    return dict(pairs)


def read_manifest(path):
    """Section 2."""
    data = path.read_bytes()
    check(data.startswith(b'{"format":"spt","version":1,'), "beginning of the manifest")
    check(re.search(rb',"sha256":"[0-9a-f]{64}"\}\n\Z', data), "end of the manifest")
    check(sha256(data[:-67]) == data[-67:-3].decode(), "digest of the manifest")
    manifest = json.loads(data, object_pairs_hook=no_duplicates)
    check(not manifest.get("requires"), "an unknown feature is required")
    # The digest of a schema covers its text as it stands.
    text = data.decode()
    for found in re.finditer(r'"([0-9a-f]{64})":(?=\{)', text):
        _, end = json.JSONDecoder().raw_decode(text, found.end())
        check(sha256(text[found.end():end].encode()) == found[1], f"digest of schema {found[1]}")
    return manifest


def murmur3_x64_128(data):
    """Section 2, operator ids."""
    m, c1, c2 = (1 << 64) - 1, 0x87C37B91114253D5, 0x4CF5AD432745937F
    rotl = lambda x, r: (x << r | x >> (64 - r)) & m

    def fmix(k):
        k = (k ^ k >> 33) * 0xFF51AFD7ED558CCD & m
        k = (k ^ k >> 33) * 0xC4CEB9FE1A85EC53 & m
        return k ^ k >> 33

    h1 = h2 = 0
    blocks = len(data) // 16
    for k1, k2 in struct.iter_unpack("<QQ", data[: blocks * 16]):
        h1 ^= rotl(k1 * c1 & m, 31) * c2 & m
        h1 = (rotl(h1, 27) + h2 & m) * 5 + 0x52DCE729 & m
        h2 ^= rotl(k2 * c2 & m, 33) * c1 & m
        h2 = (rotl(h2, 31) + h1 & m) * 5 + 0x38495AB5 & m
    k1, k2 = struct.unpack("<QQ", data[blocks * 16:].ljust(16, b"\0"))
    h2 ^= rotl(k2 * c2 & m, 33) * c1 & m
    h1 ^= rotl(k1 * c1 & m, 31) * c2 & m
    h1, h2 = h1 ^ len(data), h2 ^ len(data)
    h1 = h1 + h2 & m
    h2 = h2 + h1 & m
    h1, h2 = fmix(h1), fmix(h2)
    h1 = h1 + h2 & m
    h2 = h2 + h1 & m
    return struct.pack("<QQ", h1, h2).hex()


def murmur3_x86_32(data):
    """Section 7, spt-1."""
    h = 0
    mix = lambda k: (((k * 0xCC9E2D51 & MASK) << 15 | (k * 0xCC9E2D51 & MASK) >> 17) & MASK) * 0x1B873593 & MASK
    blocks = len(data) // 4
    for (k,) in struct.iter_unpack("<I", data[: blocks * 4]):
        h ^= mix(k)
        h = ((h << 13 | h >> 19) & MASK) * 5 + 0xE6546B64 & MASK
    tail = data[blocks * 4:]
    if tail:
        h ^= mix(int.from_bytes(tail, "little"))
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & MASK
    return h ^ h >> 16


def group_of(hash_, groups):
    """Section 7, murmur."""
    h = hash_ * 0xCC9E2D51 & MASK
    h = ((h << 15 | h >> 17) & MASK) * 0x1B873593 & MASK
    h = ((h << 13 | h >> 19) & MASK) * 5 + 0xE6546B64 & MASK
    h ^= 4
    h = (h ^ h >> 16) * 0x85EBCA6B & MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & MASK
    h ^= h >> 16
    h = h - (1 << 32) if h >> 31 else h
    return (0 if h == -(1 << 31) else abs(h)) % groups


def java_hash(field, value):
    """Section 7, java-1; the types the golden savepoints have as keys."""
    if value is None:
        return 0
    kind, logical = field["type"], field.get("logical")
    if logical == "tuple":
        h = 0
        for place, part in enumerate(kind["struct"]):
            part_hash = java_hash(part, value[part["name"]])
            h = part_hash if place == 0 else (31 * h + part_hash) & MASK
        return h
    if kind == "utf8" and logical in (None, "char"):
        h = 0
        for (unit,) in struct.iter_unpack(">H", value.encode("utf-16-be")):
            h = (31 * h + unit) & MASK
        return h
    if kind == "int64":
        bits = value & (1 << 64) - 1
        return (bits ^ bits >> 32) & MASK
    if kind in ("int8", "int16", "int32"):
        return value & MASK
    if kind == "boolean":
        return 1231 if value else 1237
    raise SystemExit(f"spec-check: no java-1 hash for {field}")


def key_bytes(field, value):
    """Section 6; the types that sort columns of the golden savepoints have."""
    if value is None:
        return b"\0"
    kind = field["type"]
    if isinstance(kind, dict) and "struct" in kind:
        return b"\1" + b"".join(key_bytes(part, value[part["name"]]) for part in kind["struct"])
    if kind in ("utf8", "binary"):
        data = value.encode() if isinstance(value, str) else value
        return b"\1" + data.replace(b"\0", b"\0\xff") + b"\0\0"
    if kind == "boolean":
        return b"\1" + bytes([value])
    unsigned = re.fullmatch(r"uint(\d+)", str(kind))
    if unsigned:
        return b"\1" + value.to_bytes(int(unsigned[1]) // 8, "big")
    signed = re.fullmatch(r"int(\d+)", str(kind))
    size = int(signed[1]) // 8 if signed else 8  # a timestamp
    data = value.to_bytes(size, "big", signed=True)
    return b"\1" + bytes([data[0] ^ 0x80]) + data[1:]


def plain(column):
    """A column as Python values; instants as their number."""
    if pyarrow.types.is_timestamp(column.type):
        column = column.cast(pyarrow.int64())
    return column.to_pylist()


def fields_of(kind, schema):
    """Section 4: the table's columns, each with its schema."""
    fixed = {"key_group": "uint16", "subtask": "uint32", "index": "uint64", "service": "utf8", "domain": "utf8",
             "timestamp": "timestamp(ms,UTC)", "last_access": "timestamp(ms,UTC)"}
    for name in COLUMNS[kind]:
        optional, name = name.startswith("["), name.strip("[]")
        if name in schema:
            yield schema[name]
        elif name in fixed and (name != "last_access" or schema.get("ttl")):
            yield {"id": IDS[name], "name": name, "type": fixed[name]}
        else:
            check(optional, f"the schema lacks {name}")


def check_state(root, operator, state, schemas):
    kind, groups = state["kind"], operator["max_parallelism"]
    schema = schemas[state["schema"]]
    fields = list(fields_of(kind, schema))
    sort = [field for field in fields if field["name"] not in ("value", "last_access")]
    last, rows, bits = None, 0, state.get("block_bits", 0)
    # Section 8: the largest L that fits.
    limit = (groups - 1).bit_length()
    check(bits == max([l for l in range(limit + 1) if state["rows"] << l <= 262144 * groups], default=0)
          or kind not in KEYED, "block_bits")
    for part in state["parts"]:
        check(re.fullmatch(r"[^/\\:]+(/[^/\\:]+)*", part["path"]) and ".." not in part["path"].split("/"), "path")
        data = (root / part["path"]).read_bytes()
        check(len(data) == part["bytes"] and sha256(data) == part["sha256"], f"{part['path']}: size or digest")
        tail = part["tail"]
        check(sha256(data[tail["offset"]:]) == tail["sha256"], f"{part['path']}: digest of the tail")
        file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data))
        entries = json.loads(file.metadata.metadata[b"spt.row_groups"])
        check(part["row_groups"] == [0, len(entries)] and part["layer"] == 0, "row groups of the part")
        end = 0
        for index, entry in enumerate(entries):
            check(entry["offset"] == end, "segments tile the file")
            end += entry["bytes"]
            check(sha256(data[entry["offset"]:end]) == entry["sha256"], f"{part['path']}: digest of segment {index}")
            table = file.read_row_group(index)
            ids = [int(field.metadata[b"PARQUET:field_id"]) for field in table.schema]
            # Section 3: columns are found by id; the names in the file are hints.
            columns = {field["name"]: plain(table.column(ids.index(field["id"]))) for field in sort}
            check(len(ids) == len(fields) and table.num_rows == entry["rows"], "columns or rows of a row group")
            for row in range(table.num_rows):
                key = b"".join(key_bytes(field, columns[field["name"]][row]) for field in sort)
                check(last is None or last < key, f"{part['path']}: row {rows} is not above the one before")
                last, rows = key, rows + 1
                if kind in KEYED:
                    group, value = columns["key_group"][row], columns["key"][row]
                    first, final = entry["key_groups"]
                    check(first <= group <= final and group >> bits == first >> bits, "key group of a row group")
                    hash_ = (java_hash(schema["key"], value) if state["key_hash"] == "java-1"
                             else murmur3_x86_32(key_bytes(schema["key"], value)))
                    check(group == group_of(hash_, groups), f"key group of {value!r}")
        check(end == tail["offset"], "segments end where the tail begins")
        check(sum(entry["rows"] for entry in entries) == part["rows"], "rows of a part")
        count = duckdb.execute("select count(*) from read_parquet(?)", [str(root / part["path"])]).fetchall()[0][0]
        check(count == part["rows"], "rows as DuckDB counts them")
    check(rows == state["rows"] == sum(part["rows"] for part in state["parts"]), "rows of the state")
    return rows


def check_savepoint(root):
    manifest = read_manifest(root / "manifest.json")
    named, rows, states = {"manifest.json"}, 0, 0
    for operator in manifest["operators"]:
        if "uid" in operator:
            check(murmur3_x64_128(operator["uid"].encode()) == operator["id"], f"id of {operator['uid']}")
        for state in operator["states"]:
            rows += check_state(root, operator, state, manifest["schemas"])
            states += 1
            named |= {part["path"] for part in state["parts"]}
    found = {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}
    check(found == named, f"files: {sorted(found ^ named)}")
    print(f"{root.name}: {len(manifest['operators'])} operators, {states} states, {rows} rows, {len(named)} files")


def check_vectors():
    """The vectors of sections 2 and 7."""
    check(murmur3_x64_128(b"stream-001") == "8cf889e999ec449278fe4c4a68026b6b", "operator id of stream-001")
    text = {"type": "utf8"}
    for key, group in (("", 94), ("hello", 35), ("😀", 54), ("polygenelubricants", 108)):
        check(group_of(java_hash(text, key), 128) == group, f"key group of {key!r}")
    for key, group in ((-(1 << 63), 108), (-1, 94)):
        check(group_of(java_hash({"type": "int64"}, key), 128) == group, f"key group of {key}")
    check(group_of(java_hash({"type": "int32"}, -1), 128) == 80, "key group of int32 -1")


if __name__ == "__main__":
    check(len(sys.argv) > 1, "name at least one savepoint")
    check_vectors()
    for path in sys.argv[1:]:
        check_savepoint(pathlib.Path(path))
