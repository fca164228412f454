//! `deskmill sample`

use anyhow::Result;
use deskmill_pipeline::sample::{SampleOptions, write_sample};
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::Place;
use crate::cli::SampleArgs;
use crate::output::{Wrong, json_line, line};

pub fn run(place: &Place, args: &SampleArgs) -> Result<()> {
    let options = SampleOptions {
        cases: args.cases,
        seed: args.seed,
        out: args.out.clone(),
    };
    let bar = ProgressBar::with_draw_target(Some(args.cases), ProgressDrawTarget::stderr());
    let written = write_sample(&options, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let summary = written.map_err(|error| Wrong {
        hint: error.hint().into(),
        message: error.to_string(),
    })?;
    if place.json {
        return json_line(&summary);
    }
    for (source, rows) in &summary.rows_by_source {
        line(format!("{rows:>12} {source}"))?;
    }
    line(format!(
        "{} files, {:.1} MB in {}",
        summary.files,
        summary.bytes as f64 / 1e6,
        args.out.display()
    ))?;
    line(format!("next: deskmill -C {} up", args.out.display()))?;
    Ok(())
}
