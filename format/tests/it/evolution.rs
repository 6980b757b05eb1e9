//! Each rule of schema evolution, and that what is called compatible can be read.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use spt_format::evolution::{Change, Reading, Verdict, adopt, compare, compare_states};
use spt_format::{
    Aliases, Binding, Field, JsonOptions, JsonValues, State, StateKind, StateSchema, Type, array_from_json,
};

fn schema(key: &str, value: &str) -> StateSchema {
    StateSchema::keyed(key.parse().unwrap(), value.parse().unwrap())
}

fn values(old: &str, new: &str) -> Verdict {
    compare(&schema("utf8", old), &schema("utf8", new), &Aliases::default())
}

fn changes(verdict: Verdict) -> Vec<(String, Change)> {
    match verdict {
        Verdict::Compatible { changes } => changes,
        other => panic!("{other:?}"),
    }
}

fn refusal(verdict: Verdict) -> String {
    assert!(!verdict.is_compatible(), "{verdict:?}");
    verdict.refusals().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What becomes of these values when rows of `old` are read as `new`.
fn read(old: &StateSchema, new: &StateSchema, aliases: &Aliases, values: &[&str]) -> Vec<String> {
    let (old, new) = (old.value.clone().unwrap(), adopt(old, new, aliases).value.unwrap());
    let json: Vec<_> = values.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let array = array_from_json(&old, &json.iter().map(Some).collect::<Vec<_>>()).unwrap();
    let fields = Arc::new(Schema::new(vec![old.to_arrow()]));
    let batch = RecordBatch::try_new(fields, vec![array]).unwrap();
    let bound = Binding::new(&[old], std::slice::from_ref(&new)).unwrap().bind(&batch).unwrap();
    let texts = JsonValues::new(&new, bound.column(0), JsonOptions::default()).unwrap();
    (0..bound.num_rows()).map(|row| texts.text(row)).collect()
}

#[test]
fn a_number_may_become_wider_or_a_float_that_holds_it_exactly() {
    let exact = [
        ("int8", "int16"),
        ("int16", "int32"),
        ("int32", "int64"),
        ("int8", "int64"),
        ("uint8", "uint16"),
        ("uint16", "uint32"),
        ("uint32", "uint64"),
        ("uint32", "int64"),
        ("uint8", "int16"),
        ("float32", "float64"),
        ("int32", "float64"),
        ("uint32", "float64"),
        ("int16", "float32"),
    ];
    for (old, new) in exact {
        let found = changes(values(old, new));
        assert_eq!(found, [("value".to_owned(), Change::Widened(old.to_owned()))], "{old} to {new}");
        let read = read(&schema("utf8", old), &schema("utf8", new), &Aliases::default(), &["7"]);
        assert!(read == ["7"] || read == ["7.0"], "{old} to {new}: {read:?}");
    }
}

#[test]
fn a_decimal_may_have_more_digits_on_either_side_of_its_point() {
    for (old, new, read_as) in [
        ("decimal(12, 3)", "decimal(14, 3)", ["-999999999.999", "7.000"]),
        ("decimal(12, 3)", "decimal(14, 5)", ["-999999999.99900", "7.00000"]),
        ("decimal(12, 3)", "decimal(38, 3)", ["-999999999.999", "7.000"]),
        (
            "decimal(12, 3)",
            "decimal(50, 40)",
            [
                "-999999999.9990000000000000000000000000000000000000",
                "7.0000000000000000000000000000000000000000",
            ],
        ),
        ("decimal(12, 3)?", "decimal(13, 4)?", ["-999999999.9990", "7.0000"]),
    ] {
        let found = changes(values(old, new));
        assert_eq!(
            found,
            [("value".to_owned(), Change::Widened("decimal(12, 3)".to_owned()))],
            "{old} to {new}"
        );
        let stored = [r#""-999999999.999""#, r#""7.000""#];
        let read = read(&schema("utf8", old), &schema("utf8", new), &Aliases::default(), &stored);
        assert_eq!(read, read_as.map(|text| format!("{text:?}")), "{old} to {new}");
    }
    let list = changes(values("list<decimal(4, 2)>", "list<decimal(6, 3)>"));
    assert_eq!(list, [("value.element".to_owned(), Change::Widened("decimal(4, 2)".to_owned()))]);
}

#[test]
fn the_reason_of_a_refusal_is_true() {
    let (lossy, units) = ("not every value fits", "they count in different units");
    let kinds = "they are of different kinds";
    for (old, new, reason) in [
        ("int64", "int32", lossy),
        ("decimal(12, 3)", "decimal(12, 4)", lossy),
        ("decimal(12, 3)", "decimal(14, 2)", lossy),
        ("fixed_binary(3)", "fixed_binary(2)", lossy),
        ("duration(us)", "duration(ms)", units),
        ("timestamp(ms)", "timestamp(us)", units),
        ("duration(us)", "utf8", kinds),
        ("int32", "utf8", kinds),
        ("timestamp(ms)", "timestamp(ms, UTC)", kinds),
        ("int32", "decimal(12, 2)", kinds),
    ] {
        let refusal = refusal(values(old, new));
        assert!(refusal.ends_with(&format!(": {reason}")), "{refusal}");
    }
}

#[test]
fn a_number_may_not_lose_anything() {
    let lossy = [
        ("int64", "int32"),
        ("int64", "float64"),
        ("int32", "float32"),
        ("uint64", "int64"),
        ("uint8", "int8"),
        ("int8", "uint8"),
        ("float64", "float32"),
        ("float32", "int64"),
        ("uint64", "float64"),
        ("decimal(12, 3)", "decimal(12, 4)"),
        ("decimal(12, 3)", "decimal(14, 2)"),
    ];
    for (old, new) in lossy {
        let verdict = values(old, new);
        assert!(matches!(verdict, Verdict::NeedsMigration { .. }), "{old} to {new}");
        assert_eq!(
            verdict.migrate_arguments("sum-001", "sum"),
            ["--cast", &format!("sum-001/sum:value={new}")]
        );
    }
}

#[test]
fn fields_may_come_with_null_or_a_default_go_and_move() {
    let old = "struct<a: int32, b: utf8, c: boolean>";
    let found = changes(values(old, "struct<c: boolean, d: int64?, a: int64>"));
    assert_eq!(
        found,
        [
            ("value.d".to_owned(), Change::Added),
            ("value.a".to_owned(), Change::Widened("int32".to_owned())),
            ("value.b".to_owned(), Change::Removed),
        ]
    );
    let mut new = schema("utf8", "struct<c: boolean, d: list<int64>, a: int64>");
    new.value.as_mut().unwrap().visit_mut(&mut |field: &mut Field| {
        if field.name == "d" {
            field.default = Some(serde_json::json!([1, 2]));
        }
    });
    let rows = read(&schema("utf8", old), &new, &Aliases::default(), &[r#"{"a":1,"b":"x","c":true}"#]);
    assert_eq!(rows, [r#"{"c":true,"d":[1,2],"a":1}"#]);
}

#[test]
fn a_new_field_without_default_is_refused() {
    let verdict = values("struct<a: int32>", "struct<a: int32, b: utf8>");
    assert_eq!(verdict.migrate_arguments("u", "s"), ["--add-field", "u/s:value.b=utf8=DEFAULT"]);
    assert_eq!(
        refusal(verdict),
        "value.b: absent in the savepoint, utf8 in the job: it has no default, and no null either"
    );
}

#[test]
fn a_field_keeps_its_values_under_an_alias_also_deep_inside() {
    let mut aliases = Aliases::default();
    aliases.add("value.value.element.amount", "sum");
    let old = schema("utf8", "map<utf8, list<struct<sum: int32>>>");
    let new = schema("utf8", "map<utf8, list<struct<amount: int64>>>");
    let path = "value.value.element.amount".to_owned();
    assert_eq!(
        changes(compare(&old, &new, &aliases)),
        [(path.clone(), Change::Renamed("sum".to_owned())), (path, Change::Widened("int32".to_owned()))]
    );
    assert_eq!(read(&old, &new, &aliases, &[r#"{"k":[{"sum":1}]}"#]), [r#"{"k":[{"amount":1}]}"#]);
    assert!(!compare(&old, &new, &Aliases::default()).is_compatible());
}

#[test]
fn an_alias_does_not_take_a_field_that_still_exists() {
    let mut aliases = Aliases::default();
    aliases.add("value.b", "a");
    let (old, new) = (schema("utf8", "struct<a: int32>"), schema("utf8", "struct<a: int32, b: int32?>"));
    assert_eq!(changes(compare(&old, &new, &aliases)), [("value.b".to_owned(), Change::Added)]);
    assert_eq!(read(&old, &new, &aliases, &[r#"{"a":1}"#]), [r#"{"a":1,"b":null}"#]);
}

#[test]
fn a_value_may_become_optional_but_not_required() {
    assert_eq!(changes(values("int64", "int64?")), [("value".to_owned(), Change::MadeOptional)]);
    let verdict = values("int64?", "int64");
    assert!(matches!(verdict, Verdict::NeedsMigration { .. }));
    assert_eq!(
        refusal(verdict),
        "value: int64? in the savepoint, int64 in the job: null has no place any more"
    );
}

#[test]
fn an_option_of_an_option_is_not_taken_for_a_struct_of_other_fields() {
    for (old, new) in [
        ("struct<n: int64?>?", "struct<some: struct<n: int64?>?>?"),
        ("struct<some: struct<n: int64?>?>?", "struct<n: int64?>?"),
    ] {
        assert!(refusal(values(old, new)).ends_with("an option of an option is not read as what is in it"));
    }
    // A struct of the author's own.
    let (old, new) = ("struct<some: int64?>?", "struct<some: int64?, n: int64?>?");
    assert_eq!(changes(values(old, new)), [("value.n".to_owned(), Change::Added)]);
    assert_eq!(changes(values(new, old)), [("value.n".to_owned(), Change::Removed)]);
    let mut aliases = Aliases::default();
    aliases.add("value.limit", "some");
    let (old, new) = (schema("utf8", old), schema("utf8", "struct<limit: int64?>?"));
    let renamed = ("value.limit".to_owned(), Change::Renamed("some".to_owned()));
    assert_eq!(changes(compare(&old, &new, &aliases)), [renamed]);
}

#[test]
fn an_enum_may_learn_names_but_not_forget_them() {
    assert_eq!(
        changes(values("enum<RED>", "enum<GREEN, RED>")),
        [("value".to_owned(), Change::NamesAdded(vec!["GREEN".to_owned()]))]
    );
    assert!(refusal(values("enum<RED, BLUE>", "enum<RED>")).ends_with("the job does not know every name"));
    let mut aliases = Aliases::default();
    aliases.add("value.CRIMSON", "RED");
    let (old, new) = (schema("utf8", "enum<RED>"), schema("utf8", "enum<CRIMSON>"));
    assert_eq!(changes(compare(&old, &new, &aliases)), []);
}

#[test]
fn a_variant_may_be_added_but_not_removed() {
    let (one, two) = (
        "variant:struct<tag: utf8, left: utf8?>",
        "variant:struct<tag: utf8, left: utf8?, right: struct<n: int64>?>",
    );
    assert_eq!(changes(values(one, two)), [("value.right".to_owned(), Change::Added)]);
    let verdict = values(two, one);
    assert!(matches!(verdict, Verdict::Incompatible { .. }));
    assert_eq!(verdict.migrate_arguments("u", "s"), ["--drop-state", "u/s"]);
    assert!(refusal(verdict).ends_with("the job does not know this variant"));
}

#[test]
fn anything_else_is_refused_with_both_types() {
    for (old, new) in [
        ("utf8", "binary"),
        ("utf8", "int64"),
        ("int64", "timestamp(ms, UTC)"),
        ("utf8", "enum<A>"),
        ("timestamp(ms, UTC)", "timestamp(us, UTC)"),
        ("decimal(10, 2)", "decimal(11, 4)"),
    ] {
        let text = refusal(values(old, new));
        assert!(text.starts_with(&format!("value: {old} in the savepoint, {new} in the job: ")), "{text}");
    }
    for (old, new) in [("utf8", "list<utf8>"), ("struct<a: int64>", "int64"), ("list<int64>", "set<int64>")] {
        assert!(matches!(values(old, new), Verdict::Incompatible { .. }), "{old} to {new}");
    }
}

#[test]
fn keys_may_not_change_but_for_the_names_of_their_fields() {
    let of = |old: &str, new: &str, aliases: &Aliases| {
        compare(&schema(old, "utf8"), &schema(new, "utf8"), aliases)
    };
    let verdict = of("int32", "int64", &Aliases::default());
    assert_eq!(verdict.migrate_arguments("u", "s"), ["--cast", "u/s:key=int64"]);
    assert_eq!(
        refusal(verdict),
        "key: int32 in the savepoint, int64 in the job: its hash or order would be another"
    );
    let mut aliases = Aliases::default();
    aliases.add("key.id", "number");
    assert!(of("struct<number: int64>", "struct<id: int64>", &aliases).is_compatible());
    assert!(!of("struct<number: int64>", "struct<id: int64>", &Aliases::default()).is_compatible());
    assert!(!of("struct<a: int64, b: int64>", "struct<b: int64, a: int64>", &aliases).is_compatible());
    assert!(!values("set<int32>", "set<int64>").is_compatible());
    assert!(!values("map<int32, utf8>", "map<int64, utf8>").is_compatible());
}

#[test]
fn ids_of_removed_fields_are_not_given_to_new_ones() {
    let old = schema("utf8", "struct<a: int32, b: int32>");
    let new = adopt(&old, &schema("utf8", "struct<c: int32?, a: int32>"), &Aliases::default());
    let ids = |schema: &StateSchema| -> Vec<u32> {
        schema.value.as_ref().unwrap().children().iter().map(|field| field.id).collect()
    };
    assert_eq!((ids(&old), ids(&new)), (vec![16, 17], vec![18, 16]));
}

#[test]
fn a_time_to_live_may_come_and_go() {
    let (old, mut new) = (schema("utf8", "int64"), schema("utf8", "int64"));
    new.ttl = true;
    let added = changes(compare(&old, &new, &Aliases::default()));
    assert_eq!(added, [("last_access".to_owned(), Change::TtlAdded)]);
    let removed = changes(compare(&new, &old, &Aliases::default()));
    assert_eq!(removed, [("last_access".to_owned(), Change::TtlRemoved)]);
}

#[test]
fn kinds_with_the_same_table_may_take_each_others_place() {
    let state = |kind| State::new("s", kind, schema("utf8", "int64"));
    let of = |old, new| compare_states(&state(old), &state(new), &Aliases::default());
    assert!(of(StateKind::Value, StateKind::Reducing).is_compatible());
    assert!(refusal(of(StateKind::Value, StateKind::List)).starts_with("kind: value in the savepoint, list"));
}

#[test]
fn a_reading_carries_whole_rows_over() {
    let (stored, mut declared) =
        (schema("utf8", "struct<a: int32, b: utf8>"), schema("utf8", "struct<a: int64>"));
    declared.ttl = true;
    let stored = State::new("sum", StateKind::Value, stored);
    let declared = State::new("sum", StateKind::Value, declared);
    let reading = Reading::new("sum-001", &stored, &declared, &Aliases::default()).unwrap();
    assert_eq!(reading.changes().len(), 3);

    let arrow = stored.schema.to_arrow(StateKind::Value).unwrap();
    let of = |field: &Option<Field>, text: &str| {
        array_from_json(field.as_ref().unwrap(), &[Some(&serde_json::from_str(text).unwrap())]).unwrap()
    };
    let columns = vec![
        Arc::new(arrow_array::UInt16Array::from(vec![35])) as arrow_array::ArrayRef,
        of(&stored.schema.key, "\"hello\""),
        of(&stored.schema.value, r#"{"a":1,"b":"x"}"#),
    ];
    let read = reading.read(&RecordBatch::try_new(arrow, columns).unwrap()).unwrap();
    let names: Vec<_> = read.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["key_group", "key", "value"]);
    let value = reading.schema().value.clone().unwrap();
    let texts = JsonValues::new(&value, read.column(2), JsonOptions::default()).unwrap();
    assert_eq!(texts.text(0), r#"{"a":1}"#);
}

#[test]
fn a_reading_that_is_refused_says_what_to_do() {
    let state = |value| State::new("sum", StateKind::Reducing, schema("utf8", value));
    let (stored, declared) = (state("struct<n: utf8>"), state("struct<n: int64, unit: utf8>"));
    let error = Reading::new("sum-001", &stored, &declared, &Aliases::default()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "operator sum-001, state \"sum\": value.n: utf8 in the savepoint, int64 in the job: they are of different kinds; \
         value.unit: absent in the savepoint, utf8 in the job: it has no default, and no null either; \
         `spt migrate IN OUT --cast sum-001/sum:value.n=int64 --add-field sum-001/sum:value.unit=utf8=DEFAULT` \
         would make it fit"
    );
}

#[test]
fn an_id_of_a_dropped_field_is_not_given_to_a_new_one() {
    let mut old = schema("utf8", "struct<a: int32, b: int32>");
    let next = old.next_field_id;
    let Some(Field { ty: Type::Struct(fields), .. }) = &mut old.value else { panic!("a struct") };
    fields.pop();
    let adopted = adopt(&old, &schema("utf8", "struct<a: int32, c: int32?>"), &Aliases::default());
    let Some(Field { ty: Type::Struct(fields), .. }) = &adopted.value else { panic!("a struct") };
    assert_eq!(fields[1].id, next);
}
