use super::*;

fn text_of<R: Record>(record: R) -> String {
    let mut text = String::new();
    record.lend(|record| R::Data::write_text(record, &mut text));
    text
}

#[test]
fn records_print_as_in_flink() {
    assert_eq!(text_of(("hello", 1i64)), "(hello,1)");
    assert_eq!(text_of((String::from("a"), Some(2u8), None::<&str>)), "(a,2,null)");
}

fn push<T: Data>(batch: &mut T::Column, record: T::Ref<'_>) {
    batch.push(record);
}

fn get<T: Data>(batch: &T::Column, index: usize) -> Option<T::Ref<'_>> {
    batch.get(index)
}

#[test]
fn a_batch_returns_what_was_pushed_after_it_was_cleared_too() {
    type Row = (String, Option<i64>);
    let mut batch = <Row as Data>::Column::default();
    for round in 0..2 {
        push::<Row>(&mut batch, ("", None));
        push::<Row>(&mut batch, ("häuser", Some(round)));
        assert_eq!(get::<Row>(&batch, 0), Some(("", None)));
        assert_eq!(get::<Row>(&batch, 1), Some(("häuser", Some(round))));
        assert_eq!(get::<Row>(&batch, 2), None);
        Column::<Row>::clear(&mut batch);
        assert!(Column::<Row>::is_empty(&batch));
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Order {
    id: u32,
}

crate::data!(Order);

#[test]
fn a_type_of_ones_own_flows_by_reference() {
    let mut batch = <Order as Data>::Column::default();
    let order = Order { id: 7 };
    (&order).lend(|order| batch.push(order));
    assert_eq!(batch.get(0), Some(&order));
    assert_eq!(text_of(order), "Order { id: 7 }");
}
