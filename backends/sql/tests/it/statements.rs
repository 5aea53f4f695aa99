//! Statements: what they insert, change and answer.

use comet_sql::{Error, ListedUpdate, Value, insert, sql};
use comet_sql_testing::{Database, on_each_database};

use crate::support::{COLUMNS, count, names, store, tables};

on_each_database!(
    only_new_rows_are_inserted_and_told,
    a_taken_key_is_a_constraint,
    a_replaced_row_has_the_new_values,
    counters_grow_and_tell_their_sum,
    a_listed_update_tells_what_it_changed,
    large_inserts_are_split,
    nulls_lists_and_limits_are_understood,
    a_missing_row_and_a_wrong_type_are_told,
);

fn item<'a>(name: &'a str, id: i64) -> [Value<'a>; 5] {
    [name.into(), id.into(), 0.into(), Value::NoText, Value::NoBytes]
}

async fn only_new_rows_are_inserted_and_told(database: Database) {
    let pool = tables(&database).await;
    store(&pool, "a", 2).await.unwrap();
    let mut db = pool.begin().await.unwrap();
    let rows = insert("item", COLUMNS).rows([item("a", 1), item("a", 2), item("A", 2)]);
    let mut inserted = rows.if_new(&mut db, 2, "id").await.unwrap();
    inserted.sort_unstable();
    assert_eq!(inserted, [1, 2]);
    let again = insert("item", COLUMNS).rows([item("a", 1), item("a", 2)]);
    assert_eq!(again.if_new(&mut db, 2, "id").await.unwrap(), [0_i64; 0]);
    db.commit().await.unwrap();
    assert_eq!(names(&pool).await, ["A", "a", "a"]);
}

async fn a_taken_key_is_a_constraint(database: Database) {
    let pool = tables(&database).await;
    store(&pool, "a", 1).await.unwrap();
    let error = store(&pool, "a", 1).await.unwrap_err();
    assert!(matches!(error, Error::Constraint(_)), "{error:?}");
    assert_eq!(count(&pool).await.unwrap(), 1);
}

async fn a_replaced_row_has_the_new_values(database: Database) {
    let pool = tables(&database).await;
    store(&pool, "a", 1).await.unwrap();
    let mut db = pool.begin().await.unwrap();
    let rows = [
        ["a".into(), 1.into(), 7.into(), "new".into(), Value::NoBytes],
        ["b".into(), 1.into(), 8.into(), "new".into(), Value::NoBytes],
    ];
    insert("item", COLUMNS).rows(rows).replace(&mut db, &["name", "id"]).await.unwrap();
    let found: Vec<(String, i64)> =
        sql("SELECT name, state FROM item ORDER BY name").all(&mut db).await.unwrap();
    assert_eq!(found, [("a".to_owned(), 7), ("b".to_owned(), 8)]);
}

async fn counters_grow_and_tell_their_sum(database: Database) {
    let pool = tables(&database).await;
    let mut db = pool.begin().await.unwrap();
    for expected in [[3, 4], [6, 8]] {
        let rows = insert("counter", &["name", "total"])
            .rows([["x".into(), 3.into()], ["X".into(), 4.into()]]);
        let mut sums = rows.add(&mut db).await.unwrap();
        sums.sort_unstable();
        assert_eq!(sums, [("X".to_owned(), expected[1]), ("x".to_owned(), expected[0])]);
    }
}

async fn a_listed_update_tells_what_it_changed(database: Database) {
    let pool = tables(&database).await;
    for (name, id) in [("a", 1), ("a", 2), ("b", 1)] {
        store(&pool, name, id).await.unwrap();
    }
    let mark =
        ListedUpdate { table: "item", key: ["name", "id"], set: "state = 1", only: "state = 0" };
    let keys: [[Value<'_>; 2]; 4] = [
        ["a".into(), 1.into()],
        ["b".into(), 1.into()],
        ["b".into(), 2.into()],
        ["A".into(), 2.into()],
    ];
    let mut db = pool.begin().await.unwrap();
    let with_note = ListedUpdate { set: "state = 1, note = ?", ..mark };
    with_note.execute(&mut db, &keys[..1], &["seen".into()]).await.unwrap();
    let seen = sql("SELECT name, id FROM item WHERE note = 'seen'");
    assert_eq!(seen.one::<(String, i64)>(&mut db).await.unwrap(), ("a".to_owned(), 1));
    let changed: Vec<(String, i64)> = mark.returning(&mut db, &keys, "name, id").await.unwrap();
    assert_eq!(changed, [("b".to_owned(), 1)]);
    let changed: Vec<(String, i64)> = mark.returning(&mut db, &keys, "name, id").await.unwrap();
    assert_eq!(changed, []);
    db.commit().await.unwrap();
    let mut db = pool.lend().await.unwrap();
    let left: Vec<(String, i64)> =
        sql("SELECT name, id FROM item{index:item_new} WHERE state = 0 AND name > ''")
            .all(&mut db)
            .await
            .unwrap();
    assert_eq!(left, [("a".to_owned(), 2)]);
}

/// More variables than one statement takes, and more bytes than MySQL 5.7 takes.
async fn large_inserts_are_split(database: Database) {
    let pool = tables(&database).await;
    let mut db = pool.begin().await.unwrap();
    insert("item", COLUMNS)
        .rows((0..20_000).map(|id| item("n", id)))
        .execute(&mut db)
        .await
        .unwrap();
    let body = vec![7; 1 << 20];
    let row = |id| ["b".into(), i64::into(id), 0.into(), Value::NoText, Value::from(&*body)];
    insert("item", COLUMNS).rows((0..5).map(row)).execute(&mut db).await.unwrap();
    db.commit().await.unwrap();
    assert_eq!(count(&pool).await.unwrap(), 20_005);
}

async fn nulls_lists_and_limits_are_understood(database: Database) {
    let pool = tables(&database).await;
    let mut db = pool.begin().await.unwrap();
    insert("item", COLUMNS).rows((0..9).map(|id| item("n", id))).execute(&mut db).await.unwrap();
    let ids: Vec<i64> = sql("SELECT id FROM item WHERE id IN ")
        .list([1_i64, 3, 5, 77])
        .then(" AND note IS NULL ORDER BY id DESC LIMIT ?{lock}")
        .bind(2)
        .all(&mut db)
        .await
        .unwrap();
    assert_eq!(ids, [5, 3]);
}

async fn a_missing_row_and_a_wrong_type_are_told(database: Database) {
    let pool = tables(&database).await;
    store(&pool, "a", 1).await.unwrap();
    let mut db = pool.lend().await.unwrap();
    let none = sql("SELECT id FROM item WHERE name = 'b'").one::<i64>(&mut db).await;
    assert!(matches!(none, Err(Error::Row(_))), "{none:?}");
    let null = sql("SELECT max(id) FROM item WHERE name = 'b'").one::<i64>(&mut db).await;
    assert!(matches!(null, Err(Error::Row(_))), "{null:?}");
    let column = sql("SELECT id FROM item").one::<(i64, i64)>(&mut db).await;
    assert!(matches!(column, Err(Error::Row(_))), "{column:?}");
}
