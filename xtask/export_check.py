"""Reads what `spt export` writes, and the savepoint itself, with pyarrow and DuckDB, and goes back with `spt import`.

    export_check.py SPT SAVEPOINT...

The question is whether other tools see the same rows as `spt` does: in every format of `spt export --all`, and in
the savepoint's own Parquet files, which are read where they lie. What DuckDB writes in turn becomes state again.
Stops at the first thing that differs.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import duckdb
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

FORMATS = ["parquet", "arrow", "csv", "ndjson"]
# Types that DuckDB has as they are.
SHARED = [pyarrow.types.is_integer, pyarrow.types.is_boolean, pyarrow.types.is_string, pyarrow.types.is_binary]


def check(condition, what):
    if not condition:
        raise SystemExit(f"export-check: {what}")


def spt(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    check(done.returncode == 0, f"spt {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def same(one, other):
    """Equal values; NaN equals itself. Python has no nanoseconds, so that structs are compared field by field."""
    if one.equals(other):
        return True
    if one.type != other.type or one.null_count != other.null_count:
        return False
    if pyarrow.types.is_struct(one.type):
        return all(same(left, right) for left, right in zip(one.flatten(), other.flatten()))
    return list(map(repr, one.to_pylist())) == list(map(repr, other.to_pylist()))


def same_columns(left, right, what):
    check(left.column_names == right.column_names, f"{what}: {left.column_names}, {right.column_names}")
    check(left.num_rows == right.num_rows, f"{what}: {left.num_rows} rows, {right.num_rows}")
    for name in left.column_names:
        check(same(left.column(name), right.column(name)), f"{what}: column {name} differs")


def same_in_duckdb(files, table, what):
    """The shared types value by value, and the number of rows."""
    names = [name for name in table.column_names if any(is_it(table.schema.field(name).type) for is_it in SHARED)]
    read = "read_parquet($files)"
    count = duckdb.execute(f"select count(*) from {read}", {"files": files}).fetchone()[0]
    check(count == table.num_rows, f"{what}: DuckDB counts {count} rows, expected {table.num_rows}")
    for name in names:
        rows = duckdb.execute(f'select "{name}" from {read}', {"files": files}).fetchall()
        check([row[0] for row in rows] == table.column(name).to_pylist(), f"{what}: DuckDB has another {name}")


def own_files(savepoint):
    """The Parquet files of every state in the savepoint itself, by operator, kind and name."""
    manifest = json.loads((savepoint / "manifest.json").read_text())
    for operator in manifest["operators"]:
        for state in operator["states"]:
            yield (operator["id"], state["kind"], state["name"]), [str(savepoint / part["path"]) for part in state["parts"]]


def check_table(folders, own, table):
    what = f"{table['uid']}, {table['state']}"
    file = lambda kind: folders[kind][1][table["operator_id"], table["kind"], table["state"]]
    parquet = pyarrow.parquet.read_table(file("parquet"))
    check(parquet.num_rows == table["rows"], f"{what}: rows of the index")
    described = json.loads(parquet.schema.metadata[b"spt.table"])
    check(described["state"] == table["state"] and described["kind"] == table["kind"], f"{what}: spt.table")
    with pyarrow.ipc.open_file(file("arrow")) as reader:
        same_columns(reader.read_all(), parquet, f"{what}: Arrow and Parquet")
    stored = pyarrow.concat_tables([pyarrow.parquet.read_table(path) for path in own])
    same_columns(stored, parquet, f"{what}: the savepoint and its export")
    same_in_duckdb([file("parquet")], parquet, what)
    same_in_duckdb(own, stored, f"{what}, in place")
    with open(file("csv"), newline="", encoding="utf-8") as text:
        records = list(csv.reader(text))
    check(len(records) == parquet.num_rows + 1, f"{what}: records of the CSV")
    check(len({len(record) for record in records}) == 1, f"{what}: cells of the CSV")
    lines = [json.loads(line) for line in open(file("ndjson"), encoding="utf-8")]
    rows = sum(len(line["value"]) for line in lines) if table["kind"] == "list" else len(lines)
    check(rows == parquet.num_rows, f"{what}: lines of the NDJSON")


def check_way_back(program, savepoint, folders, scratch):
    for kind, (folder, _) in folders.items():
        made = scratch / f"from-{kind}"
        spt(program, "import", folder, "-o", made)
        same_states(program, savepoint, made)


def check_duckdb_as_source(program, savepoint, table, file, scratch):
    """What another tool writes becomes the same state: compressed otherwise, unordered, with nullable columns."""
    for kind, options in {
        "parquet": "format parquet, compression snappy", "csv": "format csv, header", "ndjson": "format json",
    }.items():
        written = scratch / f"duckdb.{kind}"
        query = f"select key, value from read_parquet('{file}') order by hash(key)"
        duckdb.execute(f"copy ({query}) to '{written}' ({options})")
        made = scratch / f"duckdb-{kind}"
        spt(program, "import", written, "--into", savepoint, "-o", made, "--uid", table["uid"], "--state", table["state"])
        same_states(program, savepoint, made)


def same_states(program, savepoint, made):
    """Every state is the same. Tables hold neither operators without state nor output that is pending."""
    uids = {operator["uid"] for operator in json.loads(spt(program, "inspect", savepoint, "--json"))["operators"] if operator["states"]}
    for uid in sorted(uids):
        spt(program, "diff", savepoint, made, "--uid", uid)


def check_savepoint(program, savepoint):
    """Returns how many tables went through DuckDB."""
    from_duckdb = 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        folders = {}
        for kind in FORMATS:
            folder = scratch / kind
            spt(program, "export", savepoint, "--all", "--format", kind, "-o", folder)
            index = json.loads((folder / "tables.json").read_text())
            check(index["schema"] == "spt.tables/1", "schema of the index")
            key = lambda table: (table["operator_id"], table["kind"], table["state"])
            folders[kind] = folder, {key(table): str(folder / table["file"]) for table in index["tables"]}
            check({path.name for path in folder.iterdir()} == {table["file"] for table in index["tables"]} | {"tables.json"}, "files")
        own = dict(own_files(savepoint))
        check(own.keys() == folders["parquet"][1].keys(), "states of the index")
        for table in index["tables"]:
            check_table(folders, own[key(table)], table)
            if table["kind"] == "reducing" and table.get("key_type") == "utf8" and table.get("value_type") == "int64":
                check_duckdb_as_source(program, savepoint, table, folders["parquet"][1][key(table)], scratch)
                from_duckdb += 1
        check_way_back(program, savepoint, folders, scratch)
        print(f"{savepoint.name}: {len(own)} states, {len(FORMATS)} formats, there and back; {from_duckdb} by way of DuckDB")
    return from_duckdb


if __name__ == "__main__":
    check(len(sys.argv) > 2, "name the program and at least one savepoint")
    from_duckdb = sum(check_savepoint(sys.argv[1], pathlib.Path(path)) for path in sys.argv[2:])
    check(from_duckdb > 0, "no table went through DuckDB")
