#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use proptest::prelude::*;

#[test]
fn the_key_ignores_trifles() {
    for (a, b) in [
        ("Where is my ORDER #A-1234?", "where is my order  #B-99 !!!"),
        ("Ｗhere is it？", "where is it"),
        ("我的订单AB123到了吗？", "我的订单 CD9999 到了吗"),
        ("paid 1,000.50 on 2024-01-02", "Paid 7 on 03/04/2025."),
        ("call 138 0000 1111", "call 13800001111"),
        ("great 👍", "Great"),
    ] {
        assert_eq!(near_dup_key(a), near_dup_key(b), "{a}");
    }
    for (a, b) in [
        ("where is my order", "where is my card"),
        ("👍", "👎"),
        ("", "?"),
        ("order 1", "order"),
    ] {
        assert_ne!(near_dup_key(a), near_dup_key(b), "{a}");
    }
    assert_eq!(near_dup_key("").len(), 16);
    // Keys are stored, so they must never change.
    assert_eq!(near_dup_key("Where is my order 12?"), "a18c1762423973ee");
}

#[test]
fn similarity_is_near_the_exact_one() {
    let (a, b) = (
        "my parcel has not arrived yet, please help me to find it",
        "my parcel has not arrived yet, please help to find it soon",
    );
    let (x, y) = (shingles(a), shingles(b));
    let shared = x.iter().filter(|shingle| y.binary_search(shingle).is_ok()).count();
    let exact = shared as f64 / (x.len() + y.len() - shared) as f64;
    assert!((MinHash::of(a).similarity(&MinHash::of(b)) - exact).abs() < 0.15);
    assert_eq!(MinHash::of("👍").similarity(&MinHash::of("👎")), 0.0);
    assert_eq!(MinHash::of("👍 !").similarity(&MinHash::of(" 👍!")), 1.0);
    assert!(MinHash::of_text("！").is_some() && MinHash::of_text(" \u{200b}").is_none());
}

#[test]
fn groups_of_like_texts() {
    let texts = [
        "my parcel has not arrived yet, please help me to find it",
        "how do I change my password in the app",
        "My parcel has not arrived yet; please help me find it",
        "我想退货但是找不到退货按钮在哪里",
        "我想退货，但是找不到退货按钮在哪里呀",
        "something else",
        "how do I change my password in the app",
    ];
    let mut all = NearDuplicates::new(0.6);
    for (id, text) in texts.iter().enumerate() {
        all.add(id as u64, MinHash::of(text));
    }
    assert_eq!(all.groups(), [vec![0, 2], vec![1, 6], vec![3, 4]]);
}

#[test]
fn many_equal_and_many_alike_texts_stay_linear() {
    let mut all = NearDuplicates::new(0.8);
    let signature = MinHash::of("the very same text");
    for id in 0..200_000 {
        all.add(id, signature.clone());
    }
    for id in 0..5_000 {
        all.add(
            id,
            MinHash::of(&format!(
                "the text that all of these share, but for the last word: {}",
                "x".repeat(id as usize % 97)
            )),
        );
    }
    assert_eq!(all.groups()[0].len(), 200_000);
}

proptest! {
    #[test]
    fn total(a in "(?s).*", b in "[a-c0-2 一二#.-]{0,20}", threshold in -1.0..2.0_f64) {
        let (x, y) = (MinHash::of(&a), MinHash::of(&b));
        prop_assert!((0.0..=1.0).contains(&x.similarity(&y)));
        let mut all = NearDuplicates::new(threshold);
        all.add(1, x);
        all.add(2, y);
        all.groups();
        prop_assert_eq!(near_dup_key(&normalise(&a)), near_dup_key(&a));
        prop_assert_eq!(near_dup_key(&b.to_uppercase()), near_dup_key(&b));
    }
}
