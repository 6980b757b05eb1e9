"""Writes a savepoint of a PyFlink job, and `expected.json` beside it.

    python -P record.py FOLDER CASE     CASE: process|thread|table-hashmap|rocksdb-canonical|native

The input comes through a socket that stays open: the job does not end, and its source has no state.
"""
import json
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.data_stream import DataStream
from pyflink.java_gateway import get_gateway

import job
from expected import DataStreamStates, TableStates


def feed(server):
    """Gives the whole input to whoever connects."""
    lines = "".join(f"{name},{amount},{at}\n" for name, amount, at in job.EVENTS)
    kept = []
    while True:
        connection, _ = server.accept()
        connection.sendall(lines.encode())
        kept.append(connection)


def environment(mode, backend):
    config = Configuration()
    config.set_string("python.execution-mode", "thread" if mode == "thread" else "process")
    config.set_string("python.executable", sys.executable)
    config.set_string("python.client.executable", sys.executable)
    config.set_string("state.backend.type", backend)
    config.set_string("rest.port", "0")
    env = StreamExecutionEnvironment.get_execution_environment(config)
    env.set_parallelism(1)
    return env


def savepoint(mode, backend, layout, folder):
    """Runs the job until all of its input is in its state, and takes a savepoint."""
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=feed, args=(server,), daemon=True).start()
    env = environment(mode, backend)
    lines = DataStream(env._j_stream_execution_environment.socketTextStream(*server.getsockname()))
    if mode == "table":
        client = job.table_job(env, lines)
    else:
        client = job.data_stream_job(env, lines, mode == "thread")
    time.sleep(30)
    formats = get_gateway().jvm.org.apache.flink.core.execution.SavepointFormatType
    path = client._j_job_client.triggerSavepoint(f"file://{folder}", getattr(formats, layout.upper())).get()
    client.cancel().result()
    return Path(path.removeprefix("file:"))


def operators(path):
    """What Flink itself reads from `_metadata`."""
    jvm = get_gateway().jvm
    file = jvm.java.io.DataInputStream(jvm.java.io.FileInputStream(str(path / "_metadata")))
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    metadata = jvm.org.apache.flink.runtime.checkpoint.Checkpoints.loadCheckpointMetadata(file, loader, str(path))
    return [operator(state) for state in metadata.getOperatorStates()]


def operator(state):
    uid, name = state.getOperatorUid().orElse(None), state.getOperatorName().orElse(None)
    return {
        "operator_id": state.getOperatorID().toString(), "uid": uid, "name": name, "uid_in_metadata": uid,
        "name_in_metadata": name, "parallelism": state.getParallelism(),
        "max_parallelism": state.getMaxParallelism(), "fully_finished": state.isFullyFinished(),
        "subtasks": [subtask(index, state.getState(index)) for index in range(state.getParallelism())],
    }


def subtask(index, state):
    result = {"subtask": index, "finished": False}
    if state is not None:
        operator_handles = state.getManagedOperatorState().toArray()
        keyed_handles = state.getManagedKeyedState().toArray()
        if operator_handles:
            result["managed_operator"] = [handle(found) for found in operator_handles]
        if keyed_handles:
            result["managed_keyed"] = [{**handle(found), "key_groups": key_groups(found)} for found in keyed_handles]
    return result


def handle(found):
    return {"class": found.getClass().getSimpleName(), "size": found.getStateSize()}


def key_groups(found):
    groups = found.getKeyGroupRange()
    return f"{groups.getStartKeyGroup()}-{groups.getEndKeyGroup()}"


def main(out, case):
    mode, backend, layout = case.split("-")
    folder = Path(out).absolute() / f"pyflink-{case}"
    begun = int(time.time() * 1000)
    path = savepoint(mode, backend, layout, folder)
    states = TableStates() if mode == "table" else DataStreamStates(mode == "thread")
    found = operators(path)
    expected = {
        "case": folder.name, "flink_version": "2.1.0", "job": "job.py", "kind": "savepoint", "format": layout,
        "backend": backend, "compression": False, "unaligned": False, "inline_threshold": 20480,
        "metadata_version": 6, "checkpoint_id": 1, "path": "savepoint",
        "run": [begun, int(time.time() * 1000)],
        "operators": [{**entry, **states.of(entry["uid"], entry["name"])} for entry in found],
    }
    shutil.move(path, folder / "savepoint")
    text = json.dumps(expected, ensure_ascii=False, separators=(",", ":")).replace('{"operator_id"', '\n{"operator_id"')
    (folder / "expected.json").write_text(text.replace('{"name"', '\n {"name"') + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
