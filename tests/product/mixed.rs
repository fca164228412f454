//! A sample desk with sources of more kinds: compressed files, an archive, and a SQLite database with a cursor; what a
//! second day brings; and all that a run leaves, to be compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::Process;
use crate::desk::Desk;

/// Behind the sample's own project file.
const SOURCES: &str = r#"
[sources.calls]
format = "csv"
path = "raw/calls/*"

[sources.events]
format = "sqlite"
path = "raw/events.sqlite"
query = "select id, at, what from events"
cursor = "at"

[tables.calls]
sql = "sql/calls.sql"
rows_of = "calls"
key = ["call"]
cast = ["seconds"]

[[tables.calls.checks]]
check = "rows"
min = 10

[tables.events]
sql = "sql/events.sql"
rows_of = "events"
not_null = ["what"]

[[tables.events.checks]]
check = "unique"
columns = ["id"]
"#;

/// Writes the files of a day. Every tenth call has no number of seconds; some events of the second day come at the last
/// time of the first.
const DAY: &str = r#"
import gzip, sqlite3, sys, zipfile
folder, day = sys.argv[1], int(sys.argv[2])
calls = lambda part: "call,seconds,text\n" + "".join(
    f"{day}-{part}-{n},{n if n % 10 else 'long'},where is my parcel {n} 我的包裹在哪里\n" for n in range(200))
with open(f"{folder}/raw/calls/day-{day}.csv.gz", "wb") as file:
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
        packed.write(calls("a").encode())
with zipfile.ZipFile(f"{folder}/raw/calls/day-{day}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for part in "bc":
        archive.writestr(zipfile.ZipInfo(f"{part}.csv"), calls(part))
database = sqlite3.connect(f"{folder}/raw/events.sqlite")
database.execute("create table if not exists events(id integer primary key, at text, what text)")
rows = ((f"2026-01-{day + n // 400:02}", "opened" if n % 7 else None) for n in range(800))
database.executemany("insert into events(at, what) values (?, ?)", rows)
database.commit()
database.close()
"#;

/// What depends on when a run was, or how often it was killed; locks.
const OWN_TO_A_RUN: [&str; 5] = [
    ".deskmill/runs/",
    ".deskmill/last-run.json",
    ".deskmill/last-profiles.json",
    ".deskmill/digests.json",
    ".lock",
];

/// A mixed desk on its first day, not yet run.
pub fn mixed(cases: u64, seed: u64) -> Desk {
    let desk = Desk::sample(cases, seed);
    desk.write("deskmill.toml", desk.read("deskmill.toml") + SOURCES);
    desk.write(
        "sql/calls.sql",
        "select _row, call, try_cast(seconds as int) as seconds, text from raw.calls\n",
    );
    desk.write("sql/events.sql", "select _row, id, at, what from raw.events\n");
    fs::create_dir(desk.file("raw/calls")).expect("a scratch folder can be written");
    // Events without a word and calls without a number are many here.
    desk.edit("deskmill.toml", "rejects_max_share = 0.03", "rejects_max_share = 0.3");
    day(&desk, 1);
    desk
}

/// What comes on a day: new calls, more events, and from the second day on tickets written once more.
pub fn day(desk: &Desk, number: u32) {
    let mut python = Command::new("python3");
    python.args(["-c", DAY]).arg(desk.path()).arg(number.to_string());
    Process::start(python, Vec::new()).end().ok();
    if number > 1 {
        let first = desk
            .files_ending(".csv")
            .into_iter()
            .find(|file| file.starts_with("raw/tickets/tickets-"));
        let first = first.expect("the sample has tickets");
        // A last row less: other examples, and so another version.
        let text = desk.read(&first);
        let end = text.trim_end().rfind('\n').expect("it has rows");
        desk.write(&first, &text[..=end]);
    }
}

/// Whether a file of the work folder must not depend on how runs went.
pub fn is_the_same_each_time(file: &str) -> bool {
    // How long a fit took is among its facts. What a killed process was writing goes when it is old enough to be nobody's.
    let is_timed = file.starts_with(".deskmill/fitted/") && file.ends_with("facts.json");
    let is_under_way = file.matches('/').count() == 1 && file.ends_with(".partial");
    let is_own = OWN_TO_A_RUN
        .iter()
        .any(|own| file.starts_with(own) || file.ends_with(own));
    file.starts_with(".deskmill/") && !is_timed && !is_under_way && !is_own
}

/// Everything that runs left and that must not depend on how they went: path in the desk -> bytes.
pub fn left(desk: &Desk) -> BTreeMap<String, Vec<u8>> {
    let all = desk
        .files_ending("")
        .into_iter()
        .filter(|file| is_the_same_each_time(file));
    let published = desk.files_ending("").into_iter().filter(|file| {
        let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
        let is_dated = ["claim.json", "manifest.json"]
            .iter()
            .any(|dated| name.starts_with(dated));
        // A killed write to the registry leaves `name#1`, which nobody reads.
        file.starts_with("registry/") && file.contains("/versions/") && !is_dated && !name.contains('#')
    });
    let content = |file: String| {
        let bytes = fs::read(desk.file(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        (file, bytes)
    };
    all.chain(published).map(content).collect()
}

/// Fails with the names of what differs.
#[track_caller]
pub fn same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>) {
    let names: std::collections::BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
    let said = |name: &String| match (found.get(name), expected.get(name)) {
        (Some(a), Some(b)) if a == b => None,
        (Some(_), Some(_)) => Some(format!("{name}: other bytes")),
        (Some(_), None) => Some(format!("{name}: should not be there")),
        _ => Some(format!("{name}: is not there")),
    };
    let differences: Vec<String> = names.into_iter().filter_map(said).collect();
    assert!(differences.is_empty(), "{differences:#?}");
    let tables = expected.keys().filter(|name| name.ends_with("rows.parquet")).count();
    assert!(tables > 15, "too little was compared: {tables} tables and landings");
}
