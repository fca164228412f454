//! `deskmill predict MODEL`

use std::path::PathBuf;

use anyhow::Result;
use deskmill_models::explained::Explained;
use deskmill_models::registry::parse_reference;
use deskmill_pipeline::score::{Format, Place as Standing, ScoreRequest, format_of, score};

use super::Place;
use crate::cli::{FileFormat, PredictArgs};
use crate::output::Wrong;

const ROWS_PER_BATCH: usize = 8192;

pub async fn run(place: &Place, args: &PredictArgs) -> Result<()> {
    let (_, registry) = place.registry()?;
    let (name, wanted) = parse_reference(&args.model)?;
    let version = registry.state(&name).await?.resolve(&wanted)?;
    let loaded = registry.load(&name, version).await?;
    let (input, output) = (standing(&args.input), standing(&args.out));
    let from = choose("--in", "--from", args.from, &input, Some(Format::Csv))?;
    let to = choose("--out", "--to", args.to, &output, Some(from))?;
    let model = match args.explain {
        None => loaded.model,
        Some(top) => Box::new(Explained::new(loaded.model, top.get())?),
    };
    let request = ScoreRequest {
        model: model.as_ref(),
        input: (input, from),
        output: (output, to),
        rows_per_batch: ROWS_PER_BATCH,
    };
    tokio::task::block_in_place(|| score(&request, &|_| ()))?;
    Ok(())
}

pub(super) fn standing(name: &str) -> Standing {
    if name == "-" {
        Standing::Standard
    } else {
        Standing::File(PathBuf::from(name))
    }
}

pub(super) fn choose(
    flag: &str,
    format_flag: &str,
    asked: Option<FileFormat>,
    place: &Standing,
    standard: Option<Format>,
) -> Result<Format> {
    let by_name = match place {
        Standing::Standard => standard,
        Standing::File(path) => format_of(path),
    };
    let asked = asked.map(|format| match format {
        FileFormat::Csv => Format::Csv,
        FileFormat::Jsonl => Format::Jsonl,
        FileFormat::Parquet => Format::Parquet,
    });
    asked.or(by_name).ok_or_else(|| {
        let message = format!("the ending of {flag} does not say its format");
        Wrong {
            message,
            hint: format!("add {format_flag} csv, jsonl or parquet"),
        }
        .into()
    })
}
