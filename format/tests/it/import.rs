use arrow_array::Array;
use serde_json::{Value, json};
use spt_format::{Field, JsonOptions, JsonValues, Logical, TimeUnit, Type, array_from_json, array_from_text};

fn round_trip(field: &Field, value: &Value) -> Value {
    let array = array_from_json(field, &[Some(value)]).unwrap();
    assert_eq!(array.data_type(), &field.ty.to_arrow());
    let text = JsonValues::new(field, &array, JsonOptions::default()).unwrap().text(0);
    serde_json::from_str(&text).unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_type_comes_back_as_it_went() {
    let ms = |zone: Option<&str>| Type::Timestamp { unit: TimeUnit::Ms, zone: zone.map(str::to_owned) };
    let person = Type::Struct(vec![
        Field::new("name", Type::Utf8),
        Field::new("$age", Type::Int32).nullable(),
        Field::new("tags", Type::list(Field::new("", Type::Utf8))).with_logical(Logical::Set),
    ]);
    let cases = [
        (Field::new("", Type::Int64), "-9223372036854775808"),
        (Field::new("", Type::UInt64), "18446744073709551615"),
        (Field::new("", Type::Float64), "\"-Infinity\""),
        (Field::new("", Type::Float64), "5e-324"),
        (Field::new("", Type::Boolean), "true"),
        (Field::new("", Type::Utf8), "\"结果 a/b\\n\""),
        (Field::new("", Type::Utf8).with_logical(Logical::Enum(vec!["RED".into()])), "\"RED\""),
        (Field::new("", Type::Utf8).with_logical(Logical::Char), "\"\u{301}\""),
        (Field::new("", Type::Utf8).with_logical(Logical::Char), "\"😀\""),
        (Field::new("", Type::Binary), r#"{"$bytes":"AP8="}"#),
        (Field::new("", Type::Binary), r#"{"$pickle":[1],"$bytes":"gARdlEsBYS4="}"#),
        (Field::new("", Type::FixedBinary(2)), r#"{"$bytes":"AP8="}"#),
        (
            Field::new("", Type::FixedBinary(16)).with_logical(Logical::Uuid),
            "\"00000000-0000-0000-0000-0000000000ff\"",
        ),
        (
            Field::new("", Type::Binary).with_logical(Logical::Opaque("c.B".into())),
            r#"{"$opaque":{"class":"c.B","bytes":"AA=="}}"#,
        ),
        (
            Field::new("", Type::Binary).with_logical(Logical::Opaque("pyflink".into())),
            r#"{"$opaque":{"pickle":[1],"class":"pyflink","bytes":"AAAACIAEXZRLAWEu"}}"#,
        ),
        (
            Field::new("", Type::Binary).with_logical(Logical::BigInteger),
            "\"-340282366920938463463374607431768211456\"",
        ),
        (Field::big_decimal(), "\"-1.230E-8\""),
        (Field::new("", Type::Decimal { precision: 10, scale: 3 }), "\"-0.050\""),
        (
            Field::new("", Type::Decimal { precision: 76, scale: 0 }),
            "\"123456789012345678901234567890123456789012\"",
        ),
        (Field::new("", Type::Date), "\"2026-11-22\""),
        (Field::new("", Type::Time(TimeUnit::Us)), "\"03:04:05.000001\""),
        (Field::new("", ms(Some("UTC"))), "\"2026-11-22T03:04:05.001Z\""),
        (Field::new("", ms(None)), "\"1969-12-31T23:59:59.999\""),
        (Field::new("", Type::Duration(TimeUnit::Ns)), "\"PT-1M-0.000000001S\""),
        (Field::new("", person), r#"{"name":"a","$$age":null,"tags":["x","y"]}"#),
        (
            Field::new("", Type::map(Field::new("", Type::Utf8), Field::new("", Type::Int8))),
            r#"{"a":1,"b":-128}"#,
        ),
        (
            Field::new("", Type::map(Field::new("", Type::Int8), Field::new("", Type::Utf8))),
            r#"[[-1,"a"],[2,"b"]]"#,
        ),
        (Field::time_window(), r#"{"start":0,"end":5000}"#),
        (Field::unit(), "{}"),
        (Field::new("", Type::Int8).nullable(), "null"),
    ];
    for (field, text) in cases {
        assert_eq!(round_trip(&field, &parsed(text)).to_string(), text, "{field}");
    }
}

#[test]
fn rows_and_variants_come_back_as_they_went() {
    let fields = vec![
        Field::new("$kind", Type::Utf8),
        Field::new("f0", Type::Int64).nullable(),
        Field::new("f1", Type::Int64).nullable(),
    ];
    let row = Field::new("", Type::Struct(fields)).with_logical(Logical::Row);
    for text in [r#"{"f0":1,"f1":null}"#, r#"{"$kind":"-U","f0":1,"f1":2}"#] {
        assert_eq!(round_trip(&row, &parsed(text)).to_string(), text);
    }
    let fields = vec![
        Field::new("tag", Type::Utf8),
        Field::new("left", Type::Int64).nullable(),
        Field::new("right", Type::Utf8).nullable(),
    ];
    let variant = Field::new("", Type::Struct(fields)).with_logical(Logical::Variant);
    assert_eq!(round_trip(&variant, &json!({"right":"x"})), json!({"right":"x"}));
    let error = array_from_json(&variant, &[Some(&json!({"middle":1}))]).unwrap_err();
    assert!(error.to_string().contains("\"middle\" is no variant"), "{error}");
}

#[test]
fn sets_and_maps_are_put_in_order_and_hold_nothing_twice() {
    let set = Field::new("", Type::list(Field::new("", Type::Int64))).with_logical(Logical::Set);
    assert_eq!(round_trip(&set, &json!([3, 1, 2])), json!([1, 2, 3]));
    assert!(array_from_json(&set, &[Some(&json!([1, 1]))]).is_err());
}

#[test]
fn what_is_no_value_of_the_type_is_refused_with_its_place() {
    let field = Field::new("value", Type::Struct(vec![Field::new("n", Type::Int8)]));
    for (value, message) in [
        (json!({"n":128}), r#"field "value", field "n": 128 is no int8"#),
        (json!({"n":null}), r#"field "value", field "n": null, where int8 may not be null"#),
        (json!({"m":1}), r#"field "value": there is no field "m"; there are: n"#),
        (json!(7), r#"field "value": 7 is no struct<n: int8>"#),
    ] {
        assert_eq!(array_from_json(&field, &[Some(&value)]).unwrap_err().to_string(), message);
    }
    let field = Field::new("value", Type::Utf8).with_logical(Logical::Char);
    for text in ["", "ab", "e\u{301}"] {
        let error = array_from_json(&field, &[Some(&text.into())]).unwrap_err().to_string();
        assert_eq!(error, format!("field \"value\": {} is no char", json!(text)));
    }
}

#[test]
fn a_person_types_strings_without_quotes_and_tuples_as_arrays() {
    let text = |field: &Field, text: &str| {
        let array = array_from_text(field, text).unwrap();
        JsonValues::new(field, &array, JsonOptions::default()).unwrap().text(0)
    };
    assert_eq!(text(&Field::new("key", Type::Utf8), "42"), "\"42\"");
    assert_eq!(text(&Field::new("key", Type::Int64), "42"), "42");
    let tuple =
        Field::new("key", Type::Struct(vec![Field::new("f0", Type::Utf8), Field::new("f1", Type::Int64)]))
            .with_logical(Logical::Tuple);
    assert_eq!(text(&tuple, r#"["a",7]"#), r#"{"f0":"a","f1":7}"#);
    let row_of = |column: Field| {
        let kind = Field::new("$kind", Type::Utf8);
        Field::new("key", Type::Struct(vec![kind, column.named("f0")])).with_logical(Logical::Row)
    };
    assert_eq!(text(&row_of(Field::new("", Type::Utf8)), "ada"), r#"{"f0":"ada"}"#);
    assert_eq!(text(&row_of(Field::new("", Type::Utf8)), r#"{"f0":"ada"}"#), r#"{"f0":"ada"}"#);
    assert_eq!(text(&row_of(Field::new("", Type::Utf8)), "{x"), r#"{"f0":"{x"}"#);
    assert_eq!(text(&row_of(tuple.clone()), r#"["a",7]"#), r#"{"f0":{"f0":"a","f1":7}}"#);
    assert_eq!(text(&row_of(tuple), r#"{"f0":"a","f1":7}"#), r#"{"f0":{"f0":"a","f1":7}}"#);
    let bytes = r#"{"$bytes":"AP8="}"#;
    assert_eq!(text(&row_of(Field::new("", Type::Binary)), bytes), format!(r#"{{"f0":{bytes}}}"#));
    assert!(array_from_text(&Field::new("key", Type::Int64), "x").is_err());
}
