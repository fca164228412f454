//! Several writers at once, and a log that moves while a writer decides.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{ObjectStore, PutOptions, PutPayload};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::super::*;
use super::fake::{Done, Home, Meddled, Meddler, new_version, note};

/// Publishes each key from a writer of its own, all at the same time.
async fn publish_at_once(home: &Home, keys: Vec<String>) -> Vec<Published> {
    let start = Arc::new(Barrier::new(keys.len()));
    let mut writers = JoinSet::new();
    for key in keys {
        let (registry, start) = (home.registry(), start.clone());
        writers.spawn(async move {
            start.wait().await;
            registry.publish(new_version("intent", &key)).await.unwrap()
        });
    }
    writers.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_writers_make_eight_versions() {
    let home = Home::new();
    let published = publish_at_once(&home, (0..8).map(|i| format!("key{i}")).collect()).await;
    assert!(published.iter().all(|p| p.new));
    let numbers: BTreeSet<u64> = published.iter().map(|p| p.version).collect();
    assert_eq!(numbers, (1..=8).collect());
    let history = home.registry().history("intent").await.unwrap();
    assert_eq!(
        history.iter().map(|e| e.seq).collect::<Vec<_>>(),
        (1..=8).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_key_from_four_writers_makes_one_version() {
    for _ in 0..8 {
        let home = Home::new();
        let published = publish_at_once(&home, vec!["same".to_owned(); 4]).await;
        assert!(published.iter().all(|p| p.version == 1));
        assert_eq!(home.registry().state("intent").await.unwrap().versions.len(), 1);
        assert_eq!(home.registry().last_entry("intent").await.unwrap(), 1);
        let claims = home.files().iter().filter(|f| f.ends_with("claim.json")).count();
        assert_eq!(claims, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_never_see_a_gap_while_writers_write() {
    let home = Home::new();
    home.registry().publish(new_version("intent", "a")).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for writer in 0..3 {
        let registry = home.registry();
        tasks.spawn(async move {
            for turn in 0..20 {
                registry
                    .promote("intent", &format!("alias{}", turn % 7), 1, note("w"))
                    .await
                    .unwrap();
                registry
                    .publish(new_version("intent", &format!("w{writer}t{turn}")))
                    .await
                    .unwrap();
            }
        });
    }
    let (reader, stop) = (home.registry(), done.clone());
    let reading = tokio::spawn(async move {
        let mut last = 0;
        while !stop.load(Ordering::SeqCst) {
            let state = reader.state("intent").await.unwrap();
            assert!(state.last_entry >= last, "the log only grows");
            last = state.last_entry;
        }
    });
    tasks.join_all().await;
    done.store(true, Ordering::SeqCst);
    reading.await.unwrap();
    assert_eq!(home.registry().state("intent").await.unwrap().versions.len(), 61);
}

/// What somebody else does just before our first log entry is written.
#[derive(Debug)]
struct Rival {
    registry: Registry,
    fired: AtomicBool,
    acts: fn(Registry) -> futures::future::BoxFuture<'static, ()>,
}

#[async_trait]
impl Meddler for Rival {
    async fn put(&self, inner: &dyn ObjectStore, path: &Path, payload: PutPayload, options: PutOptions) -> Done {
        if path.as_ref().contains("/log/") && !self.fired.swap(true, Ordering::SeqCst) {
            (self.acts)(self.registry.clone()).await;
        }
        inner.put_opts(path, payload, options).await
    }
}

/// Three versions, `prod` went 1, 2, 3.
async fn three() -> Home {
    let home = Home::new();
    for (version, key) in (1..).zip(["a", "b", "c"]) {
        home.registry().publish(new_version("intent", key)).await.unwrap();
        home.registry()
            .promote("intent", PROD, version, note("ann"))
            .await
            .unwrap();
    }
    home
}

fn against(home: &Home, acts: fn(Registry) -> futures::future::BoxFuture<'static, ()>) -> Registry {
    let rival = Rival {
        registry: home.registry(),
        fired: AtomicBool::new(false),
        acts,
    };
    home.through(|inner| Arc::new(Meddled { inner, meddler: rival }))
}

#[tokio::test]
async fn the_second_promotion_starts_from_the_first() {
    let home = three().await;
    let registry = against(&home, |rival| {
        Box::pin(async move { drop(rival.promote("intent", PROD, 1, note("rival")).await.unwrap()) })
    });
    let entry = registry.promote("intent", PROD, 2, note("ann")).await.unwrap();
    assert_eq!(
        entry.action,
        Action::Promote {
            alias: PROD.into(),
            version: 2,
            from: Some(1)
        }
    );
    assert_eq!(entry.seq, 8);
}

#[tokio::test]
async fn a_version_retired_meanwhile_is_not_promoted() {
    let home = three().await;
    let registry = against(&home, |rival| {
        Box::pin(async move { drop(rival.retire("intent", 2, note("rival")).await.unwrap()) })
    });
    let error = registry.promote("intent", PROD, 2, note("ann")).await.unwrap_err();
    assert_eq!(error.to_string(), "registry intent@2: was retired");
    assert_eq!(home.registry().state("intent").await.unwrap().aliases[PROD], 3);
}

#[tokio::test]
async fn a_version_promoted_meanwhile_is_not_retired() {
    let home = three().await;
    let registry = against(&home, |rival| {
        Box::pin(async move { drop(rival.promote("intent", "candidate", 2, note("rival")).await.unwrap()) })
    });
    let error = registry.retire("intent", 2, note("ann")).await.unwrap_err();
    assert!(error.to_string().contains("`candidate` names it"), "{error}");
}

#[tokio::test]
async fn two_rollbacks_at_once_go_back_once() {
    let home = three().await;
    let registry = against(&home, |rival| {
        Box::pin(async move { drop(rival.rollback("intent", PROD, note("rival")).await.unwrap()) })
    });
    let error = registry.rollback("intent", PROD, note("ann")).await.unwrap_err();
    assert!(error.to_string().contains("moved from 3 to 2"), "{error}");
    assert_eq!(home.registry().state("intent").await.unwrap().aliases[PROD], 2);
}

/// Takes every write and then says that somebody was faster, as a store does that is asked again after it lost its
/// first answer.
#[derive(Debug)]
struct Deaf;

#[async_trait]
impl Meddler for Deaf {
    async fn put(&self, inner: &dyn ObjectStore, path: &Path, payload: PutPayload, options: PutOptions) -> Done {
        inner.put_opts(path, payload, options).await?;
        Err(object_store::Error::AlreadyExists {
            path: path.to_string(),
            source: "answer lost".into(),
        })
    }
}

#[tokio::test]
async fn a_lost_answer_does_not_do_it_twice() {
    let home = three().await;
    let registry = home.through(|inner| Arc::new(Meddled { inner, meddler: Deaf }));
    let published = registry.publish(new_version("intent", "d")).await.unwrap();
    assert_eq!(published, Published { version: 4, new: true });
    registry.rollback("intent", PROD, note("ann")).await.unwrap();
    let state = home.registry().state("intent").await.unwrap();
    assert_eq!((state.aliases[PROD], state.last_entry), (2, 8));
}

/// Never gets an entry in.
#[derive(Debug)]
struct Busy;

#[async_trait]
impl Meddler for Busy {
    async fn put(&self, inner: &dyn ObjectStore, path: &Path, payload: PutPayload, options: PutOptions) -> Done {
        if path.as_ref().contains("/log/") {
            return Err(object_store::Error::AlreadyExists {
                path: path.to_string(),
                source: "busy".into(),
            });
        }
        inner.put_opts(path, payload, options).await
    }
}

#[tokio::test]
async fn an_append_gives_up_in_the_end() {
    let home = three().await;
    let registry = home.through(|inner| Arc::new(Meddled { inner, meddler: Busy }));
    let error = registry.promote("intent", PROD, 1, note("ann")).await.unwrap_err();
    assert!(error.to_string().contains("other entries came first"), "{error}");
}
