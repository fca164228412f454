//! The `deskmill` command: cleans and fits customer-service data into models and publishes each as an HTTP API.

mod cli;
mod output;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let json = cli.json;
    // DataFusion plans by recursion, so threads get a large stack. The verb runs on the main thread: handing it to another
    // would make the compiler prove DataFusion's types `Send` once more, which takes it minutes.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(8 << 20)
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(verbs::run(cli)),
        Err(error) => Err(error.into()),
    };
    done.unwrap_or_else(|error| output::fail(&error, json))
}
