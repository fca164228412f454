//! Encoders in the registry: `encoders/<name>/` holds the network, its tokenizer and a manifest with their digests. The
//! manifest is written last, so an encoder that has one is whole; none is ever written again.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures::TryStreamExt;
use jiff::Timestamp;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::log::object_of_format;
use super::manifest::FileFact;
use super::names::{MANIFEST_FILE, check_encoder};
use super::objects::{self, damaged, put_or_get, refused, store_failed};
use super::{Registry, rfc3339};
use crate::artifact::Artifact;
use crate::error::{Error, Result};
use crate::sentence::{EncoderFiles, EncoderRef, NETWORK_MAX_BYTES, SentenceEncoder, TOKENIZER_MAX_BYTES, digest_of};

const FOLDER: &str = "encoders";
const NETWORK_FILE: &str = "network.onnx";
const TOKENIZER_FILE: &str = "tokenizer.json";
const FORMAT: u64 = 1;
const MANIFEST_MAX_BYTES: u64 = 1 << 16;
const SOURCE_MAX_CHARACTERS: usize = 1000;
/// Texts that a new encoder is tried on; they must get different vectors.
const TRIED: [&str; 2] = ["where is my refund?", "我的包裹到哪里了"];

/// An encoder about to be added.
#[derive(Debug, Clone)]
pub struct NewEncoder {
    /// Its name.
    pub name: String,
    /// Its files.
    pub files: EncoderFiles,
    /// Where they came from, for people.
    pub source: String,
    /// The time.
    pub created: Timestamp,
}

/// The content of an encoder's `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderManifest {
    /// Format of the manifest.
    pub format: u64,
    /// The encoder.
    pub name: String,
    /// Digest of its files: its identity.
    pub digest: String,
    /// Numbers in a vector.
    pub dimensions: usize,
    /// Tokens of a text that count.
    pub tokens_max: usize,
    /// Where its files came from.
    pub source: String,
    /// When it was added.
    #[serde(with = "rfc3339")]
    pub created: Timestamp,
    /// Its files by name.
    pub files: BTreeMap<String, FileFact>,
}

/// What is known about an encoder in the local registry in `folder`, without opening it; none if there is none.
///
/// # Errors
/// When the name is unfit, or the manifest cannot be read or is damaged.
pub fn local_encoder(folder: &std::path::Path, name: &str) -> Result<Option<EncoderManifest>> {
    check_encoder(name)?;
    let path = folder.join(FOLDER).join(name).join(MANIFEST_FILE);
    let shown = Path::from_iter([FOLDER, name, MANIFEST_FILE]);
    let mut bytes = Vec::new();
    match std::fs::File::open(&path).and_then(|file| file.take(MANIFEST_MAX_BYTES + 1).read_to_end(&mut bytes)) {
        Ok(read) if read as u64 > MANIFEST_MAX_BYTES => Err(damaged(&shown, "the manifest is too large")),
        Ok(_) => EncoderManifest::decode(&shown, &bytes, name).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { path, source }),
    }
}

/// How an encoder that is missing is added.
pub fn how_to_add(name: &str) -> String {
    format!("deskmill encoder add --from FILE --name {name}")
}

impl Registry {
    /// Adds an encoder, after it was loaded and tried on two texts. The flag says whether this call did it: the same files
    /// under the same name are found done, also after a crash.
    ///
    /// # Errors
    /// When the name is unfit or taken by other files, the encoder does not work, or the store fails.
    pub async fn add_encoder(&self, new: NewEncoder) -> Result<(EncoderManifest, bool)> {
        check_encoder(&new.name)?;
        let taken = |digest: &str| {
            let message = format!("there is another encoder of this name, {}", short(digest));
            refused(
                format!("encoder {}", new.name),
                message,
                "add it under another name: models that use the old one go on using it",
            )
        };
        let digest = new.files.digest();
        if let Some(there) = self.encoder_manifest(&new.name).await? {
            return if there.digest == digest {
                Ok((there, false))
            } else {
                Err(taken(&there.digest))
            };
        }
        let encoder = SentenceEncoder::load(&new.name, &new.files)?;
        let [one, other] = TRIED.map(|text| encoder.embed(text));
        if one? == other? {
            let message = "gives different texts the same vector";
            return Err(Error::encoder(
                &new.name,
                message,
                "use the network and tokenizer of one encoder",
            ));
        }
        let EncoderFiles { network, tokenizer } = &new.files;
        let files = [(NETWORK_FILE, network), (TOKENIZER_FILE, tokenizer)];
        for (file, content) in files {
            self.put_encoder_file(&self.encoder_file(&new.name, file), content)
                .await?;
        }
        let manifest = EncoderManifest {
            format: FORMAT,
            name: new.name.clone(),
            digest,
            dimensions: encoder.dimensions(),
            tokens_max: encoder.tokens_max(),
            source: new.source.chars().take(SOURCE_MAX_CHARACTERS).collect(),
            created: new.created,
            files: files
                .map(|(file, content)| (file.to_owned(), FileFact::of(content)))
                .into(),
        };
        let path = self.encoder_file(&new.name, MANIFEST_FILE);
        let mut bytes =
            serde_json::to_vec_pretty(&manifest).map_err(|e| refused(path.as_ref(), e, "use a plain source"))?;
        bytes.push(b'\n');
        let there = put_or_get(self.store.as_ref(), &path, bytes.into(), MANIFEST_MAX_BYTES).await?;
        self.settle(&self.encoder_folder(&new.name))?;
        match there {
            None => Ok((manifest, true)),
            // Another writer was faster.
            Some(there) => match EncoderManifest::decode(&path, &there, &new.name)? {
                there if there.digest == manifest.digest => Ok((there, false)),
                there => Err(taken(&there.digest)),
            },
        }
    }

    /// The encoders, in order of their names.
    ///
    /// # Errors
    /// When the store cannot be listed or a manifest is damaged.
    pub async fn encoders(&self) -> Result<Vec<EncoderManifest>> {
        let folder = self.prefix.clone().join(FOLDER);
        let mut names = Vec::new();
        let mut objects = self.store.list(Some(&folder));
        while let Some(meta) = objects.try_next().await.map_err(|e| store_failed(&folder, e))? {
            let name = meta.location.parts().rev().nth(1).map(|part| part.as_ref().to_owned());
            let is_manifest =
                |name: &String| check_encoder(name).is_ok() && self.encoder_file(name, MANIFEST_FILE) == meta.location;
            names.extend(name.filter(is_manifest));
        }
        names.sort_unstable();
        let mut found = Vec::new();
        for name in names {
            found.extend(self.encoder_manifest(&name).await?);
        }
        Ok(found)
    }

    /// What is known about an encoder; none if there is none of that name.
    ///
    /// # Errors
    /// When the name is unfit, or the manifest cannot be read or is damaged.
    pub async fn encoder_manifest(&self, name: &str) -> Result<Option<EncoderManifest>> {
        check_encoder(name)?;
        let path = self.encoder_file(name, MANIFEST_FILE);
        let bytes = objects::get(self.store.as_ref(), &path, MANIFEST_MAX_BYTES).await?;
        bytes
            .map(|bytes| EncoderManifest::decode(&path, &bytes, name))
            .transpose()
    }

    /// The encoder of that name, in memory once however often it is asked for. Computes while it loads.
    ///
    /// # Errors
    /// When there is none, or its files are damaged.
    pub async fn encoder(&self, name: &str) -> Result<Arc<SentenceEncoder>> {
        match self.encoder_manifest(name).await? {
            Some(manifest) => self.open_encoder(&manifest).await,
            None => Err(self.no_encoder(name, "there is no such encoder in this registry").await),
        }
    }

    /// The encoder with that digest, under whatever name it is here.
    ///
    /// # Errors
    /// When there is none, or its files are damaged.
    pub async fn encoder_by_digest(&self, wanted: &EncoderRef) -> Result<Arc<SentenceEncoder>> {
        // The name comes out of an artifact, which can hold anything.
        let known = check_encoder(&wanted.name).is_ok();
        let named = if known {
            self.encoder_manifest(&wanted.name).await?
        } else {
            None
        };
        if let Some(manifest) = named.filter(|manifest| manifest.digest == wanted.digest) {
            return self.open_encoder(&manifest).await;
        }
        let all = self.encoders().await?;
        match all.iter().find(|manifest| manifest.digest == wanted.digest) {
            Some(manifest) => self.open_encoder(manifest).await,
            None => {
                let digest: String = short(&wanted.digest).escape_debug().collect();
                let message = format!("the encoder with digest {digest} is not in this registry");
                Err(self.no_encoder(&wanted.name, &message).await)
            }
        }
    }

    /// The encoder that an artifact names, loaded; none if it names none.
    ///
    /// # Errors
    /// When the artifact is damaged, or as [`Self::encoder_by_digest`].
    pub async fn encoder_of(&self, artifact: &[u8]) -> Result<Option<Arc<SentenceEncoder>>> {
        match Artifact::encoder_of(artifact)? {
            Some(wanted) => self.encoder_by_digest(&wanted).await.map(Some),
            None => Ok(None),
        }
    }

    async fn open_encoder(&self, manifest: &EncoderManifest) -> Result<Arc<SentenceEncoder>> {
        if let Some(encoder) = self.shared(&manifest.digest, None) {
            return Ok(encoder);
        }
        let [network, tokenizer] = [
            self.read_encoder_file(manifest, NETWORK_FILE, NETWORK_MAX_BYTES)
                .await?,
            self.read_encoder_file(manifest, TOKENIZER_FILE, TOKENIZER_MAX_BYTES)
                .await?,
        ];
        let encoder = SentenceEncoder::load(&manifest.name, &EncoderFiles { network, tokenizer })?;
        if encoder.digest() != manifest.digest {
            let path = self.encoder_file(&manifest.name, MANIFEST_FILE);
            return Err(damaged(&path, "its digest is not that of the files it names"));
        }
        let encoder = Arc::new(encoder);
        Ok(self.shared(&manifest.digest, Some(&encoder)).unwrap_or(encoder))
    }

    /// The encoder that is in memory; if there is none, `loaded` is from now on.
    fn shared(&self, digest: &str, loaded: Option<&Arc<SentenceEncoder>>) -> Option<Arc<SentenceEncoder>> {
        let mut all = self.encoders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(encoder) = all.get(digest).and_then(std::sync::Weak::upgrade) {
            return Some(encoder);
        }
        let loaded = loaded?;
        all.retain(|_, encoder| encoder.strong_count() > 0);
        all.insert(digest.to_owned(), Arc::downgrade(loaded));
        Some(loaded.clone())
    }

    async fn read_encoder_file(&self, manifest: &EncoderManifest, file: &str, max_bytes: u64) -> Result<Bytes> {
        let path = self.encoder_file(&manifest.name, file);
        let fact = manifest.files.get(file);
        let fact = fact.ok_or_else(|| damaged(&path, "the encoder's manifest does not name it"))?;
        let content = objects::get(self.store.as_ref(), &path, fact.bytes.min(max_bytes)).await?;
        let content = content.ok_or_else(|| damaged(&path, "the file is missing"))?;
        fact.check(&path, &content)?;
        Ok(content)
    }

    /// Writes a file of an encoder that has no manifest yet, or finds the same one there.
    async fn put_encoder_file(&self, path: &Path, content: &Bytes) -> Result<()> {
        match put_or_get(self.store.as_ref(), path, content.clone(), NETWORK_MAX_BYTES).await? {
            Some(there) if there != content => {
                let message = "an earlier try left another file here";
                let hint = "delete the encoder's folder, which has no manifest, or add it under another name";
                Err(refused(path.as_ref(), message, hint))
            }
            _ => Ok(()),
        }
    }

    async fn no_encoder(&self, name: &str, message: &str) -> Error {
        let name: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        let known = self.encoders().await.unwrap_or_default();
        let known: Vec<&str> = known.iter().map(|manifest| manifest.name.as_str()).collect();
        let mut hint = how_to_add(&name);
        if !known.is_empty() {
            hint = format!("{hint}; encoders here: {}", known.join(", "));
        }
        refused(format!("encoder {name}"), message, hint)
    }

    fn encoder_folder(&self, name: &str) -> Path {
        self.prefix.clone().join(FOLDER).join(name)
    }

    fn encoder_file(&self, name: &str, file: &str) -> Path {
        self.encoder_folder(name).join(file)
    }
}

impl EncoderManifest {
    fn decode(path: &Path, bytes: &[u8], name: &str) -> Result<Self> {
        let fields = object_of_format(path, bytes, FORMAT)?;
        let manifest: Self = serde_json::from_value(Value::Object(fields)).map_err(|e| damaged(path, e))?;
        if manifest.name != name {
            return Err(damaged(path, format!("is that of `{}`", manifest.name.escape_debug())));
        }
        let digest = |file| {
            manifest
                .files
                .get(file)
                .map_or("", |fact: &FileFact| fact.sha256.as_str())
        };
        if digest_of(digest(NETWORK_FILE), digest(TOKENIZER_FILE)) != manifest.digest {
            return Err(damaged(path, "its digest is not that of the files it names"));
        }
        Ok(manifest)
    }
}

/// The beginning of a digest, enough to tell two apart.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}
