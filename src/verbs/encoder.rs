//! `deskmill encoder add|ls|show|bench`

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use deskmill_models::registry::{EncoderManifest, NewEncoder, Registry, how_to_add};
use deskmill_models::sentence::SentenceEncoder;
use deskmill_pipeline::encoders::import;
use serde_json::json;

use super::Place;
use super::models::open;
use crate::cli::{EncoderAction, EncoderArgs};
use crate::output::{Wrong, json_line, line, table};

/// Runs before times are taken, and runs that are timed one by one.
const WARM_UP: usize = 20;
const TIMED: usize = 300;
/// Texts for the texts per second.
const TEXTS: usize = 400;
/// Bound on the texts of `bench --vectors`.
const INPUT_MAX_BYTES: u64 = 16 << 20;

pub async fn run(place: &Place, args: EncoderArgs) -> Result<()> {
    let (_, registry) = open(place)?;
    match args.action.unwrap_or(EncoderAction::Ls) {
        EncoderAction::Add { from, tokenizer, name } => add(place, &registry, &from, tokenizer, name).await,
        EncoderAction::Ls => list(place, &registry).await,
        EncoderAction::Show { name } => show(place, &registry, &name).await,
        EncoderAction::Bench {
            name, vectors: true, ..
        } => vectors(&*registry.encoder(&name).await?),
        EncoderAction::Bench {
            name, text, threads, ..
        } => bench(place, &*registry.encoder(&name).await?, &text, usize::from(threads)),
    }
}

async fn add(
    place: &Place,
    registry: &Registry,
    from: &[PathBuf],
    tokenizer: Option<PathBuf>,
    name: Option<String>,
) -> Result<()> {
    let found = import(from, tokenizer.as_deref())?;
    let new = NewEncoder {
        name: name.unwrap_or(found.name),
        files: found.files,
        source: found.source,
        created: jiff::Timestamp::now(),
    };
    let (manifest, is_new) = registry.add_encoder(new).await?;
    if place.json {
        let mut shown = serde_json::to_value(&manifest)?;
        shown["new"] = json!(is_new);
        return json_line(&shown);
    }
    let done = if is_new { "added" } else { "was there already" };
    line(format!(
        "encoder {} {done}: {} numbers a text, digest {}",
        manifest.name,
        manifest.dimensions,
        &manifest.digest[..12]
    ))?;
    line(format!(
        "use it with `encoder = \"{}\"` under [models.NAME]",
        manifest.name
    ))?;
    Ok(())
}

async fn list(place: &Place, registry: &Registry) -> Result<()> {
    let all = registry.encoders().await?;
    if place.json {
        return all.iter().try_for_each(json_line);
    }
    if all.is_empty() {
        line(format!("no encoder is here yet: {}", how_to_add("NAME")))?;
        return Ok(());
    }
    let row = |encoder: &EncoderManifest| {
        let bytes: u64 = encoder.files.values().map(|file| file.bytes).sum();
        vec![
            encoder.name.clone(),
            encoder.dimensions.to_string(),
            format!("{:.1}", bytes as f64 / 1e6),
            encoder.created.strftime("%Y-%m-%d %H:%M").to_string(),
            encoder.digest[..12].to_owned(),
        ]
    };
    table(
        &["encoder", "dimensions", "MB", "added (UTC)", "digest"],
        &all.iter().map(row).collect::<Vec<_>>(),
    )?;
    Ok(())
}

async fn show(place: &Place, registry: &Registry, name: &str) -> Result<()> {
    let Some(encoder) = registry.encoder_manifest(name).await? else {
        return Err(Wrong {
            message: format!("there is no encoder `{}` in this registry", name.escape_debug()),
            hint: "`deskmill encoder ls` lists them".into(),
        }
        .into());
    };
    if place.json {
        return json_line(&encoder);
    }
    line(format!("encoder {}, added {}", encoder.name, encoder.created))?;
    line(format!("digest {}", encoder.digest))?;
    line(format!(
        "{} numbers a text, of which the first {} tokens count",
        encoder.dimensions, encoder.tokens_max
    ))?;
    line(format!("from {}", encoder.source))?;
    let files: Vec<Vec<String>> = encoder
        .files
        .iter()
        .map(|(file, fact)| vec![file.clone(), fact.bytes.to_string(), fact.sha256.clone()])
        .collect();
    line("")?;
    table(&["file", "bytes", "sha256"], &files)?;
    Ok(())
}

/// Times single embeddings on one thread, then many on `threads`.
fn bench(place: &Place, encoder: &SentenceEncoder, text: &str, threads: usize) -> Result<()> {
    for _ in 0..WARM_UP {
        encoder.embed(text)?;
    }
    let timed = || -> Result<f64> {
        let started = Instant::now();
        encoder.embed(text)?;
        Ok(started.elapsed().as_secs_f64() * 1e3)
    };
    let mut times = (0..TIMED).map(|_| timed()).collect::<Result<Vec<f64>>>()?;
    times.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| times[((TIMED - 1) as f64 * share) as usize];
    let texts = vec![text.to_owned(); TEXTS];
    let started = Instant::now();
    encoder.embed_all(&texts, threads)?;
    let texts_per_s = TEXTS as f64 / started.elapsed().as_secs_f64();
    if place.json {
        return json_line(&json!({
            "encoder": encoder.name(), "min_ms": at(0.0), "p50_ms": at(0.5), "p95_ms": at(0.95),
            "threads": threads, "texts_per_s": texts_per_s,
        }));
    }
    line(format!(
        "one text, one thread: p50 {:.2} ms, p95 {:.2} ms, least {:.2} ms",
        at(0.5),
        at(0.95),
        at(0.0)
    ))?;
    line(format!("{threads} thread(s): {texts_per_s:.0} texts/s"))?;
    Ok(())
}

/// The vectors of the lines of standard input, one JSON array a line.
fn vectors(encoder: &SentenceEncoder) -> Result<()> {
    let mut input = String::new();
    std::io::stdin()
        .lock()
        .take(INPUT_MAX_BYTES)
        .read_to_string(&mut input)?;
    input.lines().try_for_each(|text| json_line(&encoder.embed(text)?))
}
