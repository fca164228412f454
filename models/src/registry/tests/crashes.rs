//! A publish that dies at any step, by a store that stops working and by a real SIGKILL, leaves a whole state behind
//! and can be started again.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use super::super::*;
use super::fake::{Home, Meddled, Mortal, new_version, note};

/// Every version is whole, every alias names one. Panics otherwise.
async fn assert_whole(registry: &Registry, model: &str) -> ModelState {
    let state = registry.state(model).await.unwrap();
    for version in state.versions.keys() {
        let manifest = registry.manifest(model, *version).await.unwrap();
        for name in manifest.files.keys() {
            registry.file(model, *version, name).await.unwrap();
        }
    }
    for version in state.aliases.values() {
        assert!(state.versions.contains_key(version));
    }
    state
}

fn mortal(home: &Home, steps: i64, last_takes_effect: bool) -> Registry {
    home.through(|inner| {
        Arc::new(Meddled {
            inner,
            meddler: Mortal {
                left: AtomicI64::new(steps),
                last_takes_effect,
            },
        })
    })
}

/// The work that dies: publish, promote, roll back.
async fn work(registry: &Registry) -> Result<()> {
    let published = registry.publish(new_version("intent", "b")).await?;
    registry.promote("intent", PROD, published.version, note("b")).await?;
    registry.rollback("intent", PROD, note("b")).await?;
    Ok(())
}

#[tokio::test]
async fn killed_at_every_step_it_can_be_started_again() {
    for last_takes_effect in [false, true] {
        let mut steps = 0;
        loop {
            let home = Home::new();
            home.registry().publish(new_version("intent", "a")).await.unwrap();
            home.registry().promote("intent", PROD, 1, note("a")).await.unwrap();
            let ended = work(&mortal(&home, steps, last_takes_effect)).await;

            let registry = home.registry();
            let state = assert_whole(&registry, "intent").await;
            assert!(state.aliases[PROD] == 1 || state.version_of("b").is_some());
            let again = registry.publish(new_version("intent", "b")).await.unwrap();
            assert_eq!(again.version, 2, "the claimed number is taken up, step {steps}");
            registry.promote("intent", PROD, 2, note("b")).await.unwrap();
            let state = assert_whole(&registry, "intent").await;
            assert_eq!(state.versions.keys().collect::<Vec<_>>(), [&1, &2], "step {steps}");
            assert_eq!(state.aliases[PROD], 2);
            if ended.is_ok() {
                break;
            }
            steps += 1;
        }
        assert!(steps > 20, "only {steps} steps were tried");
    }
}

#[tokio::test]
async fn a_claim_that_nobody_comes_back_for_leaves_a_hole() {
    let home = Home::new();
    // One listing, then the claim, then death.
    let died = mortal(&home, 2, false).publish(new_version("intent", "a")).await;
    assert!(died.is_err());
    assert_eq!(home.files(), ["intent/versions/1/claim.json"]);
    assert!(home.registry().state("intent").await.is_err(), "nobody sees it");
    assert_eq!(home.registry().models().await.unwrap(), Vec::<String>::new());
    let registry = home.registry();
    assert_eq!(registry.publish(new_version("intent", "b")).await.unwrap().version, 2);
    assert_eq!(
        registry.publish(new_version("intent", "a")).await.unwrap(),
        Published { version: 1, new: true }
    );
    assert_eq!(assert_whole(&registry, "intent").await.versions.len(), 2);
}

#[tokio::test]
async fn an_earlier_manifest_is_kept_and_other_bytes_are_named() {
    let home = Home::new();
    let done = home.registry().publish(new_version("intent", "a")).await.unwrap();
    std::fs::remove_dir_all(home.path("intent/log")).unwrap();
    let manifest = std::fs::read(home.path("intent/versions/1/manifest.json")).unwrap();

    let mut later = new_version("intent", "a");
    later.note.when = "2027-01-01T00:00:00Z".parse().unwrap();
    later.lineage = serde_json::json!({ "run": "another" });
    assert_eq!(home.registry().publish(later).await.unwrap(), done);
    assert_eq!(
        std::fs::read(home.path("intent/versions/1/manifest.json")).unwrap(),
        manifest
    );

    std::fs::remove_dir_all(home.path("intent/log")).unwrap();
    let mut other = new_version("intent", "a");
    other.files.insert("report.json".into(), "{}".into());
    let error = home.registry().publish(other).await.unwrap_err();
    assert!(error.to_string().contains("intent/versions/1/report.json"), "{error}");
}

#[tokio::test]
async fn a_published_number_is_never_claimed_again() {
    let home = Home::new();
    home.registry().publish(new_version("intent", "a")).await.unwrap();
    std::fs::remove_file(home.path("intent/versions/1/claim.json")).unwrap();
    assert_eq!(
        home.registry()
            .publish(new_version("intent", "b"))
            .await
            .unwrap()
            .version,
        2
    );
}

#[tokio::test]
async fn staging_files_of_a_killed_write_are_not_seen() {
    let home = Home::new();
    home.registry().publish(new_version("intent", "a")).await.unwrap();
    let strays = [
        "log/00000002.json#1",
        "log/00000009.json#12",
        "versions/2/manifest.json#1",
        "log/notes.txt",
    ];
    for stray in strays
        .iter()
        .chain(&["log/2.json", "log/000000003.json", "log/deeper/00000007.json"])
    {
        let path = home.path("intent").join(stray);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "{ half").unwrap();
    }
    std::fs::create_dir_all(home.path("Not a model")).unwrap();
    let registry = home.registry();
    assert_eq!(registry.last_entry("intent").await.unwrap(), 1);
    assert_eq!(registry.publish(new_version("intent", "b")).await.unwrap().version, 2);
    assert_eq!(assert_whole(&registry, "intent").await.last_entry, 2);
    assert_eq!(registry.models().await.unwrap(), ["intent"]);
}

const CHILD_FOLDER: &str = "DESKMILL_TEST_REGISTRY";
const CHILD_VERSIONS: usize = 30;

#[tokio::test]
#[ignore = "the process that the next test kills"]
async fn publishes_until_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else {
        return;
    };
    let registry = Registry::local(folder.as_ref()).unwrap();
    for key in 0..CHILD_VERSIONS {
        let published = registry
            .publish(new_version("intent", &format!("key{key}")))
            .await
            .unwrap();
        registry
            .promote("intent", PROD, published.version, note("child"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn sigkill_loses_nothing_and_shows_no_half_state() {
    let home = Home::new();
    for entries in [0, 1, 4, 9, 14, 23, 31, 40] {
        let this = std::env::current_exe().unwrap();
        let mut child = Command::new(this)
            .args([
                "--ignored",
                "--exact",
                "registry::tests::crashes::publishes_until_killed",
            ])
            .env(CHILD_FOLDER, home.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Kills at a moment that follows from the work done, not from a clock.
        while home.registry().last_entry("intent").await.unwrap() < entries && child.try_wait().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if home.registry().last_entry("intent").await.unwrap() > 0 {
            assert_whole(&home.registry(), "intent").await;
        }
    }
    let registry = home.registry();
    assert!(
        registry.last_entry("intent").await.unwrap() >= 40,
        "the children did publish"
    );
    for key in 0..CHILD_VERSIONS {
        registry
            .publish(new_version("intent", &format!("key{key}")))
            .await
            .unwrap();
    }
    let state = assert_whole(&registry, "intent").await;
    assert_eq!(state.versions.len(), CHILD_VERSIONS);
    assert_eq!(
        state.versions.keys().max(),
        Some(&(CHILD_VERSIONS as u64)),
        "resumed publishes leave no holes"
    );
}
