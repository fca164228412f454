//! `deskmill up`: run, then serve.

use std::process::ExitCode;

use anyhow::Result;
use deskmill_pipeline::run::Until;

use super::{Place, serve};
use crate::cli::ServeArgs;
use crate::output::DONE;

pub async fn run(place: &Place, args: &ServeArgs) -> Result<ExitCode> {
    serve::log_to_stderr("warn");
    serve::check(place, args)?;
    let project = place.project()?;
    // A gate that says no keeps the version before it, which is served: that is what a gate is for.
    super::run::make(place, &project, Until::Models).await?;
    serve::run(place, args).await?;
    Ok(ExitCode::from(DONE))
}
