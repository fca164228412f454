//! Documents that are replaced by turns.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::super::*;
use super::fake::{Home, Meddled, Mortal};

fn count(turn: Option<Turn>) -> (u64, u64) {
    turn.map_or((0, 0), |turn| {
        let text = String::from_utf8(turn.content.to_vec()).unwrap();
        (turn.number, text.parse().unwrap())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_writers_count_to_four_hundred_and_lose_no_turn() {
    let home = Home::new();
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let registry = home.registry();
        writers.spawn(async move {
            for _ in 0..50 {
                loop {
                    let (number, value) = count(registry.turn("desk").await.unwrap());
                    let next = Bytes::from((value + 1).to_string());
                    if registry.replace_turn("desk", number, next).await.unwrap() {
                        break;
                    }
                }
            }
        });
    }
    writers.join_all().await;
    let registry = home.registry();
    assert_eq!(count(registry.turn("desk").await.unwrap()), (400, 400));
    assert!(home.files().len() <= 20, "old ones are removed: {:?}", home.files());
    assert_eq!(registry.models().await.unwrap(), Vec::<String>::new(), "it is no model");
    assert_eq!(registry.turn("other").await.unwrap(), None);
    assert!(registry.turn("../x").await.is_err());
}

#[tokio::test]
async fn a_writer_that_slept_while_its_turn_was_removed_is_told_so() {
    let registry = Home::new();
    let registry = registry.registry();
    for number in 0..40 {
        assert!(
            registry
                .replace_turn("desk", number, Bytes::from_static(b"1"))
                .await
                .unwrap()
        );
    }
    assert!(
        !registry
            .replace_turn("desk", 2, Bytes::from_static(b"9"))
            .await
            .unwrap()
    );
    assert!(
        !registry
            .replace_turn("desk", 39, Bytes::from_static(b"9"))
            .await
            .unwrap()
    );
    assert_eq!(count(registry.turn("desk").await.unwrap()), (40, 1));
}

#[tokio::test]
async fn a_writer_killed_at_any_step_leaves_the_turn_before_or_its_own() {
    for steps in 0..12 {
        for last_takes_effect in [false, true] {
            let home = Home::new();
            for number in 0..20 {
                home.registry()
                    .replace_turn("desk", number, Bytes::from_static(b"1"))
                    .await
                    .unwrap();
            }
            let mortal = Mortal {
                left: AtomicI64::new(steps),
                last_takes_effect,
            };
            let registry = home.through(|inner| Arc::new(Meddled { inner, meddler: mortal }));
            let told = registry.replace_turn("desk", 20, Bytes::from_static(b"2")).await;
            let found = count(home.registry().turn("desk").await.unwrap());
            match told {
                Ok(true) => assert_eq!(found, (21, 2)),
                _ => assert!([(20, 1), (21, 2)].contains(&found), "{found:?}"),
            }
        }
    }
}
