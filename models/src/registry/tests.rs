//! What the registry promises, tried on a local folder. Here: the plain way; beside it: crashes, many writers,
//! damage, random sequences, golden rows.

mod crashes;
mod damage;
mod encoders;
mod fake;
mod replay;
mod sequences;
mod turns;
mod writers;

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use fake::{Home, new_version, note};

#[tokio::test]
async fn a_version_goes_from_publish_to_prod_and_back() {
    let home = Home::new();
    let registry = home.registry();
    for key in ["a", "b"] {
        assert!(registry.publish(new_version("intent", key)).await.unwrap().new);
    }
    registry.promote("intent", PROD, 1, note("ann")).await.unwrap();
    let promoted = registry.promote("intent", PROD, 2, note("ann")).await.unwrap();
    assert_eq!(
        promoted.action,
        Action::Promote {
            alias: "prod".into(),
            version: 2,
            from: Some(1)
        }
    );
    let again = registry.promote("intent", PROD, 2, note("bob")).await.unwrap();
    assert_eq!(again, promoted, "promoting what is promoted writes nothing");
    let back = registry.rollback("intent", PROD, note("ann")).await.unwrap();
    assert_eq!(
        back.action,
        Action::Rollback {
            alias: "prod".into(),
            version: 1,
            from: 2
        }
    );
    registry.retire("intent", 2, note("ann")).await.unwrap();

    let state = home.registry().state("intent").await.unwrap();
    assert_eq!((state.kind.as_str(), state.last_entry), ("intent", 6));
    assert_eq!(state.resolve(&Wanted::Default).unwrap(), 1);
    assert_eq!(state.versions[&1].main_value(), Some(0.5));
    assert_eq!(state.versions[&1].published, note("a"));
    assert!(state.versions[&2].retired);
    let history = home.registry().history("intent").await.unwrap();
    assert_eq!(history.iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        ModelState::fold("intent", &history[..4]).unwrap().aliases[PROD],
        2,
        "a prefix is the past"
    );
    assert_eq!(registry.last_entry("intent").await.unwrap(), 6);
    assert_eq!(registry.models().await.unwrap(), ["intent"]);
}

#[tokio::test]
async fn the_same_key_is_published_once_and_read_back_as_it_was() {
    let home = Home::new();
    let registry = home.registry();
    let first = registry.publish(new_version("intent", "a")).await.unwrap();
    let again = registry.publish(new_version("intent", "a")).await.unwrap();
    assert_eq!(
        (first, again),
        (
            Published { version: 1, new: true },
            Published { version: 1, new: false }
        )
    );
    let manifest = registry.manifest("intent", 1).await.unwrap();
    assert_eq!(
        (manifest.recipe["depth"].as_f64(), manifest.created),
        (Some(0.1), note("a").when)
    );
    for (name, content) in new_version("intent", "a").files {
        assert_eq!(registry.file("intent", 1, &name).await.unwrap(), content, "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_hint() {
    let home = Home::new();
    let registry = home.registry();
    let missing = registry.state("intent").await.unwrap_err();
    assert!(missing.hint().contains("empty"), "{}", missing.hint());
    registry.publish(new_version("intent", "a")).await.unwrap();
    let state = registry.state("intent").await.unwrap();
    let no_prod = state.resolve(&Wanted::Default).unwrap_err();
    assert_eq!(no_prod.to_string(), "registry intent@prod: this alias names no version");
    assert!(no_prod.hint().contains("versions in use: 1"), "{}", no_prod.hint());
    assert!(
        state
            .resolve(&Wanted::Version(2))
            .unwrap_err()
            .to_string()
            .contains("intent@2: is not published")
    );
    assert!(
        registry.rollback("intent", PROD, note("ann")).await.is_err(),
        "nothing to go back from"
    );
    registry.promote("intent", PROD, 1, note("ann")).await.unwrap();
    let first = registry.rollback("intent", PROD, note("ann")).await.unwrap_err();
    assert!(
        first.to_string().contains("named no version in use before 1"),
        "{first}"
    );
    let named = registry.retire("intent", 1, note("ann")).await.unwrap_err();
    assert!(named.to_string().contains("`prod` names it"), "{named}");
    assert!(
        registry.promote("intent", "7", 1, note("ann")).await.is_err(),
        "an alias is no number"
    );
    assert!(registry.promote("intent", PROD, 9, note("ann")).await.is_err());
    assert!(registry.file("intent", 1, "../manifest.json").await.is_err());
    let nothing = registry.file("intent", 1, "none.txt").await.unwrap_err();
    assert!(nothing.hint().contains("golden.parquet"), "{}", nothing.hint());
}

#[tokio::test]
async fn unfit_versions_are_refused_before_anything_is_written() {
    let home = Home::new();
    let registry = home.registry();
    type Spoil = fn(&mut NewVersion);
    let unfit: [(&str, Spoil); 9] = [
        ("model", |v| v.model = "../x".into()),
        ("kind", |v| v.kind = "In Tent".into()),
        ("key", |v| v.key = String::new()),
        ("golden", |v| drop(v.files.remove(GOLDEN_FILE))),
        ("file name", |v| drop(v.files.insert("a/b".into(), "x".into()))),
        ("own file", |v| drop(v.files.insert("manifest.json".into(), "x".into()))),
        ("nan", |v| v.metrics = BTreeMap::from([("accuracy".into(), f64::NAN)])),
        ("main metric", |v| v.main_metric = "none".into()),
        ("staging name", |v| drop(v.files.insert("card.md#1".into(), "x".into()))),
    ];
    for (what, spoil) in unfit {
        let mut version = new_version("intent", "a");
        spoil(&mut version);
        assert!(registry.publish(version).await.is_err(), "{what}");
    }
    assert_eq!(home.files(), Vec::<String>::new());
}

#[tokio::test]
async fn what_could_not_be_read_back_is_not_written() {
    let home = Home::new();
    let registry = home.registry();
    registry.publish(new_version("intent", "a")).await.unwrap();
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let long = json!("x".repeat(2 << 20));
    for facts in [deep, long] {
        let error = registry
            .promote("intent", PROD, 1, Note { facts, ..note("ann") })
            .await
            .unwrap_err();
        assert!(error.to_string().contains("log/00000002.json"), "{error}");
    }
    assert_eq!(home.registry().last_entry("intent").await.unwrap(), 1);
}

#[tokio::test]
async fn a_rollback_passes_over_retired_versions_and_never_stays_where_it_is() {
    let home = Home::new();
    let registry = home.registry();
    for key in ["a", "b", "c"] {
        registry.publish(new_version("intent", key)).await.unwrap();
    }
    for version in [3, 1, 2, 1] {
        registry.promote("intent", PROD, version, note("ann")).await.unwrap();
    }
    registry.retire("intent", 2, note("ann")).await.unwrap();
    let back = registry.rollback("intent", PROD, note("ann")).await.unwrap();
    assert_eq!(
        back.action,
        Action::Rollback {
            alias: PROD.into(),
            version: 3,
            from: 1
        }
    );
    assert!(registry.rollback("intent", PROD, note("ann")).await.is_err());
    assert!(
        registry
            .state("intent")
            .await
            .unwrap()
            .resolve(&Wanted::Version(2))
            .is_err(),
        "retired"
    );
}

#[tokio::test]
async fn a_log_that_no_deskmill_wrote_does_not_fold() {
    let home = Home::new();
    home.registry().publish(new_version("intent", "a")).await.unwrap();
    let history = home.registry().history("intent").await.unwrap();
    let alias = || PROD.to_owned();
    let impossible = [
        Action::Promote {
            alias: alias(),
            version: 2,
            from: None,
        },
        Action::Promote {
            alias: alias(),
            version: 1,
            from: Some(1),
        },
        Action::Promote {
            alias: "7".into(),
            version: 1,
            from: None,
        },
        Action::Rollback {
            alias: alias(),
            version: 1,
            from: 2,
        },
        Action::Retire { version: 2 },
        history[0].action.clone(),
    ];
    for action in impossible {
        let entry = LogEntry::new("intent", 2, action, note("eve"));
        let error = ModelState::fold("intent", history.iter().chain([&entry])).unwrap_err();
        assert!(
            error.to_string().starts_with("registry intent log entry 2: "),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_model_keeps_its_kind() {
    let home = Home::new();
    let registry = home.registry();
    registry.publish(new_version("intent", "a")).await.unwrap();
    let other = NewVersion {
        kind: "routing".into(),
        ..new_version("intent", "b")
    };
    let error = registry.publish(other).await.unwrap_err();
    assert!(error.to_string().contains("is of kind intent"), "{error}");
}

#[tokio::test]
async fn a_registry_that_was_replaced_is_read_again() {
    let home = Home::new();
    let registry = home.registry();
    registry.publish(new_version("intent", "a")).await.unwrap();
    registry.promote("intent", PROD, 1, note("ann")).await.unwrap();
    std::fs::remove_dir_all(home.path("intent")).unwrap();
    home.registry().publish(new_version("intent", "b")).await.unwrap();
    let state = registry.state("intent").await.unwrap();
    assert_eq!((state.last_entry, state.versions[&1].key.as_str()), (1, "b"));
}

#[test]
fn references_name_a_model_and_a_version() {
    let read = |text| parse_reference(text).unwrap();
    assert_eq!(read("intent"), ("intent".into(), Wanted::Default));
    assert_eq!(read("intent@7"), ("intent".into(), Wanted::Version(7)));
    assert_eq!(
        read("my-intent_2@candidate"),
        ("my-intent_2".into(), Wanted::Alias("candidate".into()))
    );
    let bad = [
        "", "@", "@prod", "a@", "A", "a@B", "a@@b", "a/b", "..", "a@..", "a@-1", "a@+1", "意图", "a b", "a\u{0}",
    ];
    for text in bad
        .into_iter()
        .map(str::to_owned)
        .chain(["x".repeat(65), format!("a@{}", "9".repeat(30))])
    {
        assert!(parse_reference(&text).is_err(), "{text}");
    }
}
