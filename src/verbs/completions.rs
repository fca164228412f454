//! `deskmill completions SHELL`

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::Cli;

pub fn run(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "deskmill", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(())
}
