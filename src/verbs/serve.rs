//! `deskmill serve`: the models of the project's registry over HTTP.

use std::net::SocketAddr;

use anyhow::Result;
use deskmill_models::registry::{PROD, Registry};
use deskmill_pipeline::project::Project;
use deskmill_serving::{ServingConfig, run as run_server, stop_signal};
use serde_json::{Map, Value, json};

use super::{Place, shown};
use crate::cli::ServeArgs;
use crate::output::{Wrong, line};

/// Checks the settings before anything long is begun.
pub fn check(place: &Place, args: &ServeArgs) -> Result<()> {
    Ok(config(&place.project()?, args).check().map_err(wrong)?)
}

pub async fn run(place: &Place, args: &ServeArgs) -> Result<()> {
    log_to_stderr("warn");
    let (project, registry) = place.registry()?;
    let config = config(&project, args);
    let examples = examples(&registry).await?;
    let stop = stop_signal().map_err(wrong)?;
    let report = project.registry.path.clone();
    let json = place.json;
    let told = move |address: SocketAddr| {
        // Whoever started the server with a closed standard output does not want to be told.
        let _unread = announce(address, &examples, &shown(&report), json);
    };
    Ok(run_server(registry, config, told, stop).await.map_err(wrong)?)
}

fn wrong(error: deskmill_serving::Error) -> Wrong {
    Wrong {
        message: error.to_string(),
        hint: error.hint().to_owned(),
    }
}

fn config(project: &Project, args: &ServeArgs) -> ServingConfig {
    let written = &project.serving;
    ServingConfig {
        listen: args.listen.unwrap_or(written.listen),
        allow_remote: args.allow_remote,
        keys: args.keys.clone(),
        ladders: args.ladders.clone(),
        body_max_bytes: written.body_max_bytes,
        rows_max: written.rows_max,
        text_max_bytes: written.text_max_bytes,
        timeout_ms: written.timeout_ms,
        concurrent_max: written.concurrent_max,
        reload_every_ms: written.reload_every_ms,
        stop_grace_ms: written.stop_grace_ms,
        ..ServingConfig::default()
    }
}

/// A model that answers, its version, and a row it takes.
struct Example {
    model: String,
    version: u64,
    row: Value,
}

async fn examples(registry: &Registry) -> Result<Vec<Example>> {
    let mut examples = Vec::new();
    for model in registry.models().await? {
        let Some(version) = registry.state(&model).await?.aliases.get(PROD).copied() else {
            continue;
        };
        let inputs = registry.manifest(&model, version).await?.signature.inputs;
        let row: Map<String, Value> = inputs.into_iter().map(|input| (input.name, input.example)).collect();
        examples.push(Example {
            model,
            version,
            row: Value::Object(row),
        });
    }
    Ok(examples)
}

fn announce(address: SocketAddr, examples: &[Example], registry: &str, as_json: bool) -> std::io::Result<()> {
    let url = format!("http://{address}");
    if as_json {
        let models: Vec<&String> = examples.iter().map(|example| &example.model).collect();
        return line(json!({ "event": "listening", "url": url, "models": models }));
    }
    line(format!("deskmill listening on {url}"))?;
    for example in examples {
        let (model, version) = (&example.model, example.version);
        let body = json!({ "instances": [example.row] }).to_string().replace('\'', "'\\''");
        line(format!("\n{model} version {version}"))?;
        line(format!("  curl -s {url}/v1/models/{model}:predict -d '{body}'"))?;
        line(format!("  report: {registry}/{model}/versions/{version}/report.html"))?;
    }
    line(format!("\nall URLs: {url}/openapi.json   stop: Ctrl-C"))
}

/// JSON lines on standard error, of what `RUST_LOG` asks for, else `default`. Of two calls, the first counts.
pub fn log_to_stderr(default: &str) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would print to the standard error that just failed, and panic.
        .log_internal_errors(false);
    // It is set up already where `up` runs before it serves.
    let _before = log.try_init();
}
