//! Random sequences against a model of a few lines, and text from outside against the readers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use object_store::memory::InMemory;
use object_store::path::Path;
use proptest::prelude::*;

use super::super::*;
use super::fake::{new_version, note};

#[derive(Debug, Clone)]
enum Op {
    Publish(u8),
    Promote(&'static str, u64),
    Rollback(&'static str),
    Retire(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let alias = || prop_oneof![3 => Just(PROD), 1 => Just("candidate")];
    prop_oneof![
        2 => (0u8..6).prop_map(Op::Publish),
        4 => (alias(), 1u64..6).prop_map(|(alias, version)| Op::Promote(alias, version)),
        3 => alias().prop_map(Op::Rollback),
        1 => (1u64..6).prop_map(Op::Retire),
    ]
}

/// What the registry should do, in the plainest words.
#[derive(Default)]
struct Plain {
    keys: Vec<u8>,
    retired: BTreeSet<u64>,
    trails: BTreeMap<&'static str, Vec<u64>>,
}

impl Plain {
    fn in_use(&self, version: u64) -> bool {
        version >= 1 && version <= self.keys.len() as u64 && !self.retired.contains(&version)
    }

    fn aliases(&self) -> BTreeMap<String, u64> {
        self.trails
            .iter()
            .filter_map(|(alias, trail)| Some(((*alias).to_owned(), *trail.last()?)))
            .collect()
    }

    /// Whether it is allowed.
    fn apply(&mut self, op: &Op) -> bool {
        match op {
            Op::Publish(key) => {
                if !self.keys.contains(key) {
                    self.keys.push(*key);
                }
                true
            }
            Op::Promote(alias, version) => {
                let allowed = self.in_use(*version);
                let trail = self.trails.entry(alias).or_default();
                if allowed && trail.last() != Some(version) {
                    trail.push(*version);
                }
                allowed
            }
            Op::Rollback(alias) => {
                let mut trail = self.trails.get(alias).cloned().unwrap_or_default();
                let Some(current) = trail.pop() else { return false };
                while trail.last().is_some_and(|last| *last == current || !self.in_use(*last)) {
                    trail.pop();
                }
                let allowed = !trail.is_empty();
                if allowed {
                    self.trails.insert(alias, trail);
                }
                allowed
            }
            Op::Retire(version) => {
                let published = *version <= self.keys.len() as u64;
                let allowed = published && !self.aliases().values().any(|named| named == version);
                if allowed {
                    self.retired.insert(*version);
                }
                allowed
            }
        }
    }
}

async fn act(registry: &Registry, op: &Op) -> bool {
    match op {
        Op::Publish(key) => registry.publish(new_version("m", &format!("key{key}"))).await.is_ok(),
        Op::Promote(alias, version) => registry.promote("m", alias, *version, note("ann")).await.is_ok(),
        Op::Rollback(alias) => registry.rollback("m", alias, note("ann")).await.is_ok(),
        Op::Retire(version) => registry.retire("m", *version, note("ann")).await.is_ok(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_registry_does_what_the_plain_model_does(ops in prop::collection::vec(op(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let store: Arc<dyn object_store::ObjectStore> = Arc::new(InMemory::new());
        let prefix = Path::from("desk/registry");
        let registry = Registry::new(store.clone(), prefix.clone());
        let mut plain = Plain::default();
        for op in &ops {
            let done = runtime.block_on(act(&registry, op));
            prop_assert_eq!(done, plain.apply(op), "{:?}", op);
        }
        if !plain.keys.is_empty() {
            let fresh = Registry::new(store, prefix);
            let state = runtime.block_on(fresh.state("m")).unwrap();
            prop_assert_eq!(&state.aliases, &plain.aliases());
            prop_assert_eq!(state.versions.len(), plain.keys.len());
            prop_assert_eq!(&state, &runtime.block_on(registry.state("m")).unwrap());
        }
    }
}

proptest! {
    #[test]
    fn references_are_read_or_refused(text in any::<String>(), near in "[a-z0-9@_./-]{0,20}") {
        for text in [text, near] {
            if let Ok((model, wanted)) = parse_reference(&text) {
                prop_assert!(!model.contains(['/', '.', '#', '@']), "{}", model);
                prop_assert_eq!(parse_reference(&format!("{model}@{wanted}")).unwrap().0, model);
            }
        }
    }

    #[test]
    fn entries_are_read_back_as_they_were(
        who in any::<String>(),
        why in any::<String>(),
        nanos in any::<i64>(),
        value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO,
    ) {
        let when = Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
        let facts = serde_json::json!({ "value": value, "nanos": nanos, &who: why });
        let path = Path::from("log/00000001.json");
        let metrics = BTreeMap::from([(who.clone(), value)]);
        let action = Action::Publish {
            version: 1,
            manifest_sha256: "x".into(),
            kind: "intent".into(),
            key: why.clone(),
            metrics,
            main_metric: who.clone(),
        };
        let entry = LogEntry::new("m", 1, action, Note { who, when, why, run: None, facts });
        let bytes = entry.encode(&path).unwrap();
        prop_assert_eq!(LogEntry::decode(&path, &bytes).unwrap(), entry);
    }

    #[test]
    fn no_bytes_are_an_entry_by_chance(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(LogEntry::decode(&Path::from("x"), &bytes).is_err());
    }
}
