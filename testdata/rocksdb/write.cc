// Writes the databases of this folder: random histories, as a checkpoint and as what RocksDB reads from it.
//
//   g++ -std=c++17 write.cc -o write -lrocksdb
//   ./write FOLDER SEED OPERATIONS TABLE-OPTIONS COLUMN-FAMILY-OPTIONS
//
// Three column families `state-0` to `state-2`, keys that begin with a byte below 128 (a key group), a
// merge operator that joins with commas, tiny tables and levels, so that the history ends in many of them.
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>

using namespace rocksdb;

static void check(const Status& status) {
  if (status.ok()) return;
  std::cerr << status.ToString() << "\n";
  std::_Exit(1);
}

struct History {
  DB* db;
  std::vector<ColumnFamilyHandle*> families;
  Options options;
  std::string folder;
  std::mt19937 random;
  WriteOptions write;
  std::vector<const Snapshot*> snapshots;
  int ingested = 0;

  int below(int bound) { return static_cast<int>(random() % bound); }

  std::string key() {
    std::string key(1, static_cast<char>(below(128)));
    key += "key-" + std::to_string(below(40));
    if (below(3) == 0) key += std::string(below(5), '\0');
    return key;
  }

  std::string value() {
    std::string value(below(20) == 0 ? below(3000) : below(30), ' ');
    for (auto& byte : value) byte = "abc,"[below(4)];
    return value;
  }

  void delete_range(ColumnFamilyHandle* family) {
    auto start = key(), end = start;
    end[0] = static_cast<char>(std::min(127, end[0] + below(6)));
    if (start < end) check(db->DeleteRange(write, family, start, end));
  }

  void single_delete(ColumnFamilyHandle* family, int step) {
    auto name = "\x01single-" + std::to_string(step);
    check(db->Put(write, family, name, "v"));
    if (below(2)) check(db->SingleDelete(write, family, name));
  }

  void compact(ColumnFamilyHandle* family) {
    auto start = key(), end = key();
    if (end < start) std::swap(start, end);
    Slice from(start), to(end);
    check(db->CompactRange(CompactRangeOptions(), family, &from, &to));
  }

  // Snapshots keep old versions alive in tables.
  void snapshot() {
    if (below(2) || snapshots.empty()) {
      snapshots.push_back(db->GetSnapshot());
    } else {
      db->ReleaseSnapshot(snapshots.back());
      snapshots.pop_back();
    }
  }

  void ingest(ColumnFamilyHandle* family) {
    auto file = folder + "/ingested-" + std::to_string(ingested++) + ".sst";
    std::map<std::string, std::string> rows;
    for (int n = 1 + below(30); n > 0; n--) rows[key()] = value();
    SstFileWriter writer(EnvOptions(), options, family);
    check(writer.Open(file));
    for (const auto& row : rows) {
      switch (below(4)) {
        case 0: check(writer.Delete(row.first)); break;
        case 1: check(writer.Merge(row.first, row.second)); break;
        default: check(writer.Put(row.first, row.second));
      }
    }
    auto start = key(), end = key();
    if (start < end) check(writer.DeleteRange(start, end));
    check(writer.Finish());
    IngestExternalFileOptions how;
    how.write_global_seqno = below(2);
    check(db->IngestExternalFile(family, {file}, how));
    std::filesystem::remove(file);
  }

  void step(int number) {
    auto* family = families[1 + below(3)];
    int what = below(1000);
    if (what < 450) check(db->Put(write, family, key(), value()));
    else if (what < 750) check(db->Merge(write, family, key(), value()));
    else if (what < 900) check(db->Delete(write, family, key()));
    else if (what < 910) single_delete(family, number);
    else if (what < 950) delete_range(family);
    else if (what < 970) check(db->Flush(FlushOptions(), family));
    else if (what < 980) compact(family);
    else if (what < 990) snapshot();
    else if (what < 995) ingest(family);
  }
};

int main(int, char** arguments) {
  std::string folder = arguments[1];
  std::filesystem::create_directories(folder);
  ConfigOptions config;
  ColumnFamilyOptions family;
  BlockBasedTableOptions table;
  const std::string small =
      "merge_operator=stringappendtest;target_file_size_base=4096;max_bytes_for_level_base=8192;"
      "max_bytes_for_level_multiplier=2;level0_file_num_compaction_trigger=3;";
  check(GetColumnFamilyOptionsFromString(config, family, small + arguments[5], &family));
  check(GetBlockBasedTableOptionsFromString(config, table, arguments[4], &table));
  family.table_factory.reset(NewBlockBasedTableFactory(table));
  DBOptions database;
  database.create_if_missing = database.create_missing_column_families = true;
  std::vector<ColumnFamilyDescriptor> names{{"default", family}};
  for (int n = 0; n < 3; n++) names.push_back({"state-" + std::to_string(n), family});

  History history;
  history.folder = folder;
  history.random.seed(std::atoi(arguments[2]));
  history.write.disableWAL = true;
  history.options = Options(database, family);
  check(DB::Open(database, folder + "/live", names, &history.families, &history.db));
  for (int number = 0; number < std::atoi(arguments[3]); number++) history.step(number);

  Checkpoint* checkpoint;
  check(Checkpoint::Create(history.db, &checkpoint));
  check(checkpoint->CreateCheckpoint(folder + "/database", 0));
  std::ofstream expected(folder + "/expected.txt");
  for (int n = 1; n <= 3; n++) {
    auto* handle = history.families[n];
    auto* rows = history.db->NewIterator(ReadOptions(), handle);
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      expected << handle->GetName() << " " << rows->key().ToString(true) << " " << rows->value().ToString(true) << "\n";
    }
    check(rows->status());
  }
  expected.close();
  std::filesystem::remove_all(folder + "/live");
  std::_Exit(0);
}
