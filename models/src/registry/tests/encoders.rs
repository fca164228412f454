//! Encoders are written once, found again by name and by digest, shared in memory, and checked whenever they are read.

use std::fs;
use std::sync::Arc;

use serde_json::Value;

use super::super::*;
use super::fake::{Home, note};
use crate::artifact::Artifact;
use crate::sentence::tests::{encoder_of_pattern, small_encoder};
use crate::sentence::{EncoderFiles, EncoderRef};

fn new_encoder(name: &str, files: EncoderFiles) -> NewEncoder {
    NewEncoder {
        name: name.into(),
        files,
        source: "made by a test".into(),
        created: note("ann").when,
    }
}

#[tokio::test]
async fn an_encoder_is_added_once_and_shared() {
    let home = Home::new();
    let registry = home.registry();
    assert!(registry.encoders().await.unwrap().is_empty());
    let (manifest, is_new) = registry
        .add_encoder(new_encoder("mini", small_encoder()))
        .await
        .unwrap();
    assert!(is_new);
    assert_eq!(
        (manifest.dimensions, manifest.digest.as_str()),
        (8, small_encoder().digest().as_str())
    );
    let again = registry
        .add_encoder(new_encoder("mini", small_encoder()))
        .await
        .unwrap();
    assert_eq!(again, (manifest.clone(), false));
    let other = registry
        .add_encoder(new_encoder("mini", encoder_of_pattern(2)))
        .await
        .unwrap_err();
    assert!(
        other.to_string().contains("there is another encoder of this name"),
        "{other}"
    );
    assert!(other.hint().contains("another name"));
    registry
        .add_encoder(new_encoder("alike", small_encoder()))
        .await
        .unwrap();
    let names: Vec<String> = registry.encoders().await.unwrap().into_iter().map(|m| m.name).collect();
    assert_eq!(names, ["alike", "mini"]);
    assert!(
        registry.models().await.unwrap().is_empty(),
        "the folder of encoders is no model"
    );

    let one = registry.encoder("mini").await.unwrap();
    let by_digest = EncoderRef {
        name: "gone".into(),
        digest: manifest.digest.clone(),
    };
    for other in [
        registry.encoder("mini").await.unwrap(),
        registry.clone().encoder("alike").await.unwrap(),
        registry.encoder_by_digest(&by_digest).await.unwrap(),
    ] {
        assert!(Arc::ptr_eq(&one, &other), "one encoder is in memory once");
    }
    assert_eq!(
        one.embed("my card").unwrap(),
        home.registry().encoder("mini").await.unwrap().embed("my card").unwrap()
    );
}

#[tokio::test]
async fn a_missing_encoder_says_how_to_add_it() {
    let home = Home::new();
    let registry = home.registry();
    let error = registry.encoder("minilm").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "registry encoder minilm: there is no such encoder in this registry"
    );
    assert_eq!(error.hint(), "deskmill encoder add --from FILE --name minilm");
    registry
        .add_encoder(new_encoder("mini", small_encoder()))
        .await
        .unwrap();
    let artifact = Artifact {
        settings: Value::Null,
        tensors: Default::default(),
        encoder: Some(Arc::new(
            crate::sentence::SentenceEncoder::load("other", &encoder_of_pattern(2)).unwrap(),
        )),
    };
    let bytes = artifact.to_bytes().unwrap();
    let error = registry.encoder_of(&bytes).await.unwrap_err();
    assert!(error.to_string().contains("encoder other"), "{error}");
    assert!(
        error.hint().contains("--name other; encoders here: mini"),
        "{}",
        error.hint()
    );
    registry
        .add_encoder(new_encoder("second", encoder_of_pattern(2)))
        .await
        .unwrap();
    let found = registry.encoder_of(&bytes).await.unwrap();
    assert_eq!(Artifact::from_bytes(&bytes, found).unwrap(), artifact);
    for name in ["../up", "", "Big", "a/b"] {
        assert!(registry.encoder(name).await.is_err());
        assert!(registry.add_encoder(new_encoder(name, small_encoder())).await.is_err());
    }
}

#[tokio::test]
async fn a_damaged_encoder_is_named_and_an_unfinished_one_completed() {
    for file in ["network.onnx", "tokenizer.json", "manifest.json"] {
        let home = Home::new();
        home.registry()
            .add_encoder(new_encoder("mini", small_encoder()))
            .await
            .unwrap();
        let path = home.path(&format!("encoders/mini/{file}"));
        let mut content = fs::read(&path).unwrap();
        let digit = content
            .windows(9)
            .position(|w| w == b"\"digest\":")
            .map_or(content.len() / 2, |at| at + 11);
        content[digit] ^= 1;
        fs::write(&path, content).unwrap();
        let error = home.registry().encoder("mini").await.unwrap_err().to_string();
        assert!(error.contains(&format!("encoders/mini/{file}")), "{file}: {error}");
    }
    // A crash before the manifest: the encoder does not exist, and the same add completes it.
    let home = Home::new();
    home.registry()
        .add_encoder(new_encoder("mini", small_encoder()))
        .await
        .unwrap();
    fs::remove_file(home.path("encoders/mini/manifest.json")).unwrap();
    assert!(home.registry().encoder("mini").await.is_err());
    let other = home
        .registry()
        .add_encoder(new_encoder("mini", encoder_of_pattern(2)))
        .await
        .unwrap_err();
    assert!(other.hint().contains("delete the encoder's folder"), "{other}");
    assert!(
        home.registry()
            .add_encoder(new_encoder("mini", small_encoder()))
            .await
            .unwrap()
            .1
    );
    assert!(home.registry().encoder("mini").await.is_ok());
}
