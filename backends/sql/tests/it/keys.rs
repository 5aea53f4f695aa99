//! Keys and texts, whatever the defaults of the server.

use comet_sql::{insert, sql};
use comet_sql_testing::{Database, on_each_database};

use crate::support::{COLUMNS, names, store, tables};

on_each_database!(
    keys_differ_in_every_byte,
    keys_are_sorted_by_their_bytes,
    every_plane_comes_back_as_it_was,
);

/// Case, trailing blanks, accents in two normal forms, width, and what German sorts as one.
const DIFFERENT: [&str; 13] =
    ["a", "A", "a ", "a  ", " a", "a\t", "é", "e\u{301}", "e", "ss", "ß", "ａ", ""];

async fn keys_differ_in_every_byte(database: Database) {
    let pool = tables(&database).await;
    for (name, id) in DIFFERENT.iter().zip(0..) {
        // One id for all: the name alone makes the key.
        store(&pool, name, 1).await.unwrap();
        let mut db = pool.begin().await.unwrap();
        sql("UPDATE item SET state = ? WHERE name = ?")
            .bind(id)
            .bind(*name)
            .execute(&mut db)
            .await
            .unwrap();
        db.commit().await.unwrap();
    }
    let mut db = pool.lend().await.unwrap();
    for (name, id) in DIFFERENT.iter().zip(0_i64..) {
        let found: Vec<(String, i64)> = sql("SELECT name, state FROM item WHERE name = ?")
            .bind(*name)
            .all(&mut db)
            .await
            .unwrap();
        assert_eq!(found, [((*name).to_owned(), id)]);
    }
}

async fn keys_are_sorted_by_their_bytes(database: Database) {
    let pool = tables(&database).await;
    for name in DIFFERENT {
        store(&pool, name, 1).await.unwrap();
    }
    let mut sorted = DIFFERENT;
    sorted.sort_by_key(|name| name.as_bytes());
    assert_eq!(names(&pool).await, sorted);
}

async fn every_plane_comes_back_as_it_was(database: Database) {
    let pool = tables(&database).await;
    // Emoji with a joiner, CJK of planes 0, 2 and 3, Hangul, and the last character there is.
    let text = "👩\u{200d}🚀 漢字 𠮷 \u{30000} 한글 \u{10ffff}";
    let body: Vec<u8> = (0..=255).collect();
    let mut db = pool.begin().await.unwrap();
    let row = [text.into(), 1.into(), 0.into(), text.into(), body.clone().into()];
    insert("item", COLUMNS).row(row).execute(&mut db).await.unwrap();
    db.commit().await.unwrap();

    let mut db = pool.lend().await.unwrap();
    let found: (String, String, Vec<u8>) = sql("SELECT name, note, body FROM item WHERE name = ?")
        .bind(text)
        .one(&mut db)
        .await
        .unwrap();
    assert_eq!(found, (text.to_owned(), text.to_owned(), body));
}
