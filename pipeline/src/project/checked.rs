//! The checked project: plain data that the stages work from. The doc comment of a field is its reference page.
//!
//! All of it serialises, and a stage's key may be a digest of its part: what depends on where the checkout stands
//! (absolute paths) is left out of the serialised form.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::schedule::Policy;

/// A project: a folder with a `deskmill.toml` in which nothing is wrong. Lists are in the order of the file.
#[derive(Debug, Clone, Serialize)]
pub struct Project {
    /// The project folder, absolute. All relative paths of the file start here.
    #[serde(skip)]
    pub folder: PathBuf,
    /// `project.name`: required; lower-case letters, digits and `-`, at most 64.
    pub name: String,
    /// `project.seed`: where all randomness starts. Default 1; 0 to 9223372036854775807.
    pub seed: u64,
    /// `project.work_dir`: the folder of everything derived (raw, tables, rejects, examples, runs); it can be deleted
    /// at any time. Default `.deskmill`; relative to the project folder.
    pub work_dir: ProjectPath,
    /// `project.registry`: the folder of the model registry. Default `registry`; relative to the project folder or
    /// absolute. It need not exist yet.
    pub registry: ProjectPath,
    /// `[limits]`: what a run may use, and when it stops.
    pub limits: Limits,
    /// `[personal]`: what counts as personal data, and how it is hidden.
    pub personal: Personal,
    /// `[sources.NAME]`: the raw data.
    pub sources: Vec<Source>,
    /// `[tables.NAME]`: the clean tables. A table's SQL sees the sources and the tables above it.
    pub tables: Vec<Table>,
    /// `[models.NAME]`: the models made from the tables.
    pub models: Vec<ModelSpec>,
    /// `[schedule]`: when `deskmill schedule` runs the project. Default: it does not.
    pub schedule: Option<Policy>,
    /// `[serving]`: the HTTP server.
    pub serving: ServingSpec,
}

impl Project {
    /// The source of this name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The model of this name.
    pub fn model(&self, name: &str) -> Option<&ModelSpec> {
        self.models.iter().find(|model| model.name == name)
    }
}

/// A path in the project file. Only its written form is serialised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectPath {
    /// As in the file, `/` between the parts.
    pub written: String,
    /// The absolute path it stands for.
    #[serde(skip)]
    pub path: PathBuf,
}

impl AsRef<Path> for ProjectPath {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// `[limits]`: what a run may use, and when it stops.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Limits {
    /// The memory pool of the SQL engine, in MiB. Default 2048; 256 to 16777216.
    pub memory_max_mib: u64,
    /// A longer raw row is a reject, in bytes. Default 1048576 (1 MiB); 64 to 1073741824.
    pub row_max_bytes: usize,
    /// A packed file that unpacks to more than so many times its size (and to more than 256 MiB) is refused. Default 1000;
    /// 1 to 1000000.
    pub unpacked_max_ratio: u64,
    /// A source or table with a larger share of rejects stops the run. Default 0.05; 0 to 1.
    pub rejects_max_share: f64,
    /// Threads at work at once; 0 takes one a core. Default 0; 0 to 1024.
    pub threads_max: usize,
}

/// `[personal]`: what `mask_pii`, `pseudonymise` and `pii_types` take for personal data. What a model sees of a text is
/// masked by the defaults, whatever stands here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Personal {
    /// `order_numbers`: the forms of this desk's order numbers, as regular expressions (of the Rust crate `regex`):
    /// `["DM-\\d{5}"]`. At most 64. Default: none.
    pub order_numbers: Vec<String>,
    /// `types`: the types of personal data to look for, by their names in placeholders (`email`, `phone`, `card`,
    /// `iban`, `national_id`, `ip`, `url_secret`, `order_number`, `name`, `address`). Default: all; empty here.
    pub types: Vec<String>,
    /// `pseudonym_key_env`: the name of the environment variable that holds the key of `pseudonymise`, at least 16 bytes.
    /// The key itself stands in no file. Default: none, and no pseudonyms.
    pub pseudonym_key_env: Option<String>,
}

/// `[sources.NAME]`: raw data of one shape, in one or more files or in a database.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// The key in the file; a lower-case letter, then lower-case letters, digits and `_`, at most 64. SQL reaches it as
    /// `NAME` (until a table takes the name) and as `raw.NAME` (always).
    pub name: String,
    /// `format`: required; one of the words of [`Format`].
    pub format: Format,
    /// The source's own files, then those of each `[[sources.NAME.also]]`, which are written differently (another
    /// delimiter or encoding, say). An `also` inherits nothing but the format. No file is in two of them. A database
    /// has one, whose files are what was fetched from it.
    pub reads: Vec<Read>,
    /// Where the rows are asked for; set for databases, and only for them.
    pub database: Option<Database>,
}

/// How the files of a source are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Rows of fields with a delimiter (RFC 4180 and its many relatives).
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// One JSON document with an array of objects in it.
    Json,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, as a file (Feather) or a stream.
    Arrow,
    /// A sheet of an Excel workbook (xlsx, xls, xlsb) or an OpenDocument one (ods).
    Xlsx,
    /// E-mail: one message (.eml) or many (mbox) a file.
    Mail,
    /// Web pages, one a file.
    Html,
    /// Chat transcripts in plain text, `[time] speaker: text`, a row a turn.
    Chat,
    /// Plain texts, one a file.
    Text,
    /// Markdown pages, one a file.
    Markdown,
    /// A query of a PostgreSQL database.
    Postgres,
    /// A query of a MySQL or MariaDB database.
    Mysql,
    /// A query of a SQLite file.
    Sqlite,
}

impl Format {
    /// Whether a file is one row or a few, so that there may be very many of them.
    pub fn is_document(self) -> bool {
        matches!(
            self,
            Format::Mail | Format::Html | Format::Chat | Format::Text | Format::Markdown
        )
    }

    /// Whether the rows come from a database and not from files of the project.
    pub fn is_database(self) -> bool {
        matches!(self, Format::Postgres | Format::Mysql | Format::Sqlite)
    }
}

/// Files of a source that are written in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Read {
    /// `path`: required; a glob (`*`, `?`, `[a-z]`, `**`) with `/` between the parts, below the project folder unless
    /// it starts with `/` or `..`; or a location elsewhere: `s3://bucket/a/*.csv`, `https://host/a.csv`. It must match
    /// a file. A name that starts with a dot matches only if the glob says so. Files may be compressed (gzip, zstd,
    /// bzip2, xz), which is told by their first bytes; of a zip archive, each member is a file.
    pub pattern: String,
    /// The files it matches, sorted by path. At least one, but for locations elsewhere that were not fetched yet.
    pub files: Vec<SourceFile>,
    /// How the fields are cut; set for csv and for what is fetched from a database, and only for these.
    pub csv: Option<CsvDialect>,
    /// `encoding`: csv, jsonl, json, html, chat, text and markdown only; any label of the WHATWG Encoding Standard; here
    /// its standard name (`UTF-8`, `gb18030`). If it is not written, a byte order mark decides, then whether the file is
    /// UTF-8, then what its bytes look like.
    pub encoding: Option<String>,
    /// `items`: json only; where the rows are, names with dots between them (`data.tickets`). Default: the document
    /// itself, or the one array of objects in it.
    pub items: Option<String>,
    /// `sheet`: xlsx only; the sheet's name. Default: the first.
    pub sheet: Option<String>,
}

impl Read {
    /// Whether the files are somewhere else and have to be fetched.
    pub fn is_remote(&self) -> bool {
        ["s3://", "http://", "https://"]
            .iter()
            .any(|scheme| self.pattern.starts_with(scheme))
    }
}

/// What is asked of a database, and where. Credentials stand in the environment, never in the project file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Database {
    /// `url_env`: required for postgres and mysql; the environment variable that holds the URL
    /// (`postgres://user:password@host/name`).
    pub url_env: Option<String>,
    /// `path`: required for sqlite; the file, relative to the project folder.
    pub path: Option<ProjectPath>,
    /// `query`: required; one `select`, whose columns become those of the source.
    pub query: String,
    /// `cursor`: a column of the query that only grows (an id, a time of change). With it, a run asks for the rows
    /// behind the last it has; without it, each run takes all rows anew.
    pub cursor: Option<String>,
}

/// One file of a source. Only its relative path is serialised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceFile {
    /// The path from the project folder, `/` between the parts; absolute if the glob is.
    pub relative: String,
    /// The absolute path.
    #[serde(skip)]
    pub path: PathBuf,
    /// The member of the zip archive at that path; none for other files.
    pub member: Option<String>,
}

/// How the fields of a csv file are cut. What is not declared is told from the file's start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CsvDialect {
    /// `delimiter`: between two fields; one ASCII character, `"\t"` for a tab, `" "` for spaces.
    pub delimiter: Option<u8>,
    /// `quote`: around a field that holds a delimiter or a line break; one ASCII character, or `none`.
    pub quote: Option<Quote>,
    /// `escape`: before a quote or a delimiter that is data; one ASCII character. A doubled quote is always understood.
    pub escape: Option<u8>,
    /// `header`: whether the first row names the columns.
    pub header: Option<bool>,
    /// `columns`: the names of the columns; required if `header` is false and declared, else empty (and an error to
    /// write).
    pub columns: Vec<String>,
    /// `skip_lines`: lines above the table that are no rows; 0 to 1000.
    pub skip_lines: Option<usize>,
}

/// What stands around a field that holds a delimiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quote {
    /// This character.
    Byte(u8),
    /// Nothing: a quote is data.
    None,
}

/// `[tables.NAME]`: a clean table, made by SQL.
#[derive(Debug, Clone, Serialize)]
pub struct Table {
    /// The key in the file, as for a source. It may be the name of a source: SQL after it then sees the table.
    pub name: String,
    /// `sql`: required; the file with the table's query, below the project folder, at most 1 MiB.
    pub sql_path: ProjectPath,
    /// What that file says.
    pub sql: String,
    /// `rows_of`: the source whose rows this table keeps one for one; turns on provenance and rejects. Default: none.
    pub rows_of: Option<String>,
    /// `key`: columns that name a row; a later row with the same key is a duplicate. Needs `rows_of`. Default: none.
    pub key: Vec<String>,
    /// `not_null`: columns that must have a value; a row without is a reject. Needs `rows_of`. Default: none.
    pub not_null: Vec<String>,
    /// `cast`: columns that are cast from the raw column of the same name; a row where the raw one is not empty and the
    /// cast one is null is a reject. Needs `rows_of`. Default: none.
    pub cast: Vec<String>,
    /// `[[tables.NAME.checks]]`: what its rows, or the table as a whole, are expected to be. Default: none.
    pub checks: Vec<Check>,
}

/// `[[tables.NAME.checks]]`: an expectation, and what happens if it does not hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// `check`: required; what is expected.
    pub expected: Expected,
    /// `then`: `warn` (it is said), `reject` (the rows become rejects; for checks of rows, in tables with `rows_of`) or
    /// `stop` (nothing is published). Default: `reject` where it can be, else `stop`; `warn` for `distribution`.
    pub then: Then,
}

/// What happens if a check does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// It is said.
    Warn,
    /// The rows become rejects.
    Reject,
    /// The run stops before a model is made.
    Stop,
}

/// An expectation. A null breaks none but `not_null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum Expected {
    /// `column` has a value.
    NotNull {
        /// The column.
        column: String,
    },
    /// The values of `column` can be cast to `type`, a type of SQL.
    Type {
        /// The column.
        column: String,
        /// The type: `int`, `double`, `date`, `timestamp` ...
        sql_type: String,
    },
    /// No two rows have the same values in `columns`; of those that have, the first is right.
    Unique {
        /// The columns.
        columns: Vec<String>,
    },
    /// `column` is from `min` to `max`: numbers, or texts such as dates.
    Range {
        /// The column.
        column: String,
        /// The least value.
        min: Option<Bound>,
        /// The greatest value.
        max: Option<Bound>,
    },
    /// `column` is one of `values`.
    Set {
        /// The column.
        column: String,
        /// The values, as text.
        values: Vec<String>,
    },
    /// `column` matches the regular expression `pattern` (of the Rust crate `regex`) somewhere.
    Pattern {
        /// The column.
        column: String,
        /// The expression.
        pattern: String,
    },
    /// `column` is a value of the column `to` of the source or table `table`, which stands above this one.
    Reference {
        /// The column.
        column: String,
        /// Where it refers to.
        table: String,
        /// The column there. Default: the same name.
        to: String,
    },
    /// The table has from `min` to `max` rows.
    Rows {
        /// The least number.
        min: Option<u64>,
        /// The greatest number.
        max: Option<u64>,
    },
    /// The latest time in `column` is at most `within_hours` before the run.
    Fresh {
        /// The column: a date, a timestamp, or a text that can be cast to one; UTC.
        column: String,
        /// Hours.
        within_hours: f64,
    },
    /// What `column` holds is about what it held in the last good run; in the first there is nothing to compare with.
    /// The distance is that of Jensen and Shannon (square root, base 2), 0 for the same and 1 for nothing in common:
    /// between the shares of the values where they are few, between numbers in tenths, between lengths and languages of
    /// other texts. Times are not compared.
    Distribution {
        /// The column.
        column: String,
        /// `distance_max`: the largest distance. Default 0.2: about a value whose share goes from 20% to 42%; 0 to 1.
        distance_max: f64,
    },
    /// The query in the file `sql` gives no row. It may read this table and those above.
    Sql {
        /// The file.
        sql_path: ProjectPath,
        /// What it says.
        sql: String,
    },
}

/// A bound of a range.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Bound {
    /// A number.
    Number(f64),
    /// A text, compared as the type of the column.
    Text(String),
}

/// `[models.NAME]`: a named use of a kind of model.
#[derive(Debug, Clone, Serialize)]
pub struct ModelSpec {
    /// The key in the file, and the name in URLs and the registry; a lower-case letter, then lower-case letters,
    /// digits, `_` and `-`, at most 64.
    pub name: String,
    /// `kind`: required; one of the kinds of this build.
    pub kind: String,
    /// `examples`: required; the file with the query for the training rows, below the project folder, at most 1 MiB.
    pub examples_path: ProjectPath,
    /// What that file says.
    pub examples_sql: String,
    /// `[models.NAME.split]`: which examples are held back.
    pub split: Split,
    /// `[models.NAME.recipe]`: the kind's own hyper-parameters, checked by it, defaults filled in.
    pub recipe: serde_json::Value,
    /// `encoder`: the sentence encoder of the registry (`deskmill encoder ls`) whose vectors the model is fitted on, for
    /// kinds that can use one. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
    /// `[models.NAME.gate]`: what a new version must show before an alias moves to it.
    pub gate: Gate,
}

/// `[models.NAME.split]`: which examples are held back from the fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Split {
    /// `by`: `entity` (default) or `time`.
    pub by: SplitBy,
    /// `test`: the share held back for the report and the gate. Default 0.2; 0.02 to 0.5.
    pub test: f64,
    /// `calibrate`: the share of the rest held back for calibration. Default 0.1; 0.02 to 0.5.
    pub calibrate: f64,
}

/// What keeps the parts of a split apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitBy {
    /// The latest examples are held back; the examples need a column `time`.
    Time,
    /// All examples of an entity are on one side, by a hash of it.
    Entity,
}

/// `[models.NAME.gate]`: what a new version must show before the alias moves to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    /// `alias`: which alias moves; named as a model is. Default `prod`.
    pub alias: String,
    /// `at_least`: metric -> the least value it may have. Default: none.
    pub at_least: BTreeMap<String, f64>,
    /// `at_most`: metric -> the most it may have. Default: none.
    pub at_most: BTreeMap<String, f64>,
    /// `not_worse_than_current`: stop a version that is shown to be worse than the one that holds the alias, by the model's
    /// main metric on the same rows, or on a part of them. Default true.
    pub not_worse_than_current: bool,
    /// `tolerance`: a loss of the main metric that is allowed even if it is shown. Default 0.005; 0 to 1.
    pub tolerance: f64,
    /// `confidence`: one less the chance that a version which is no worse is stopped. Default 0.95; 0.5 to 0.9999.
    pub confidence: f64,
    /// `size_max_bytes`: the largest artifact; 0, the default, for any.
    pub size_max_bytes: u64,
    /// `latency_max_us`: the longest that 99 of 100 single rows may take on this machine, in microseconds; 0, the default,
    /// for any.
    pub latency_max_us: u64,
}

/// `[serving]`: the HTTP server and its bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServingSpec {
    /// The IP address and port to listen on; port 0 takes a free one. Default `127.0.0.1:8700`.
    pub listen: SocketAddr,
    /// The longest request body, in bytes. Default 1048576 (1 MiB); 1024 to 1073741824.
    pub body_max_bytes: usize,
    /// The most rows in one request. Default 1000; 1 to 1000000.
    pub rows_max: usize,
    /// The longest text value, in bytes of UTF-8. Default 100000; 1 to 1073741824.
    pub text_max_bytes: usize,
    /// How long a request may take, in milliseconds. Default 1000; 1 to 600000.
    pub timeout_ms: u64,
    /// Requests worked on at once; more are refused. Default 256; 1 to 65536.
    pub concurrent_max: usize,
    /// How often the registry's log is read, in milliseconds. Default 1000; 10 to 86400000.
    pub reload_every_ms: u64,
    /// How long requests in flight may take to end after a stop signal, in milliseconds. Default 10000; 0 to 600000.
    pub stop_grace_ms: u64,
}
