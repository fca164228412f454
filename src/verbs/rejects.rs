//! `deskmill rejects ...`: what could not be used and why, and the way back for it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use deskmill_pipeline::catalog::Catalog;
use deskmill_pipeline::fetch::fetched;
use deskmill_pipeline::plan::Plan;
use deskmill_pipeline::project::Project;
use deskmill_pipeline::rejects::{
    Count, Export, Known, Outputs, Replayed, Texts, Wanted, counts, export, first_known, visible,
};
use deskmill_pipeline::score::{Format, format_of};
use serde_json::json;

use super::predict::{choose, standing};
use super::{Place, run as runs};
use crate::cli::{FileFormat, RejectsAction, RejectsArgs};
use crate::output::{DONE, Wrong, json_line, line, table};

/// Characters of a text that a terminal gets.
const SHOWN_MAX: usize = 400;

pub async fn run(place: &Place, args: RejectsArgs) -> Result<ExitCode> {
    let project = place.project()?;
    match args.action.unwrap_or(RejectsAction::Ls { name: args.name }) {
        RejectsAction::Ls { name } => {
            let desk = Desk::of(&project, name.as_deref())?;
            ls(place, &desk, name.as_deref())?;
        }
        RejectsAction::Show {
            name,
            rule,
            column,
            limit,
        } => {
            let wanted = Wanted {
                name: name.as_deref(),
                rule: rule.as_deref(),
                column: column.as_deref(),
                no_duplicates: false,
            };
            show(place, &Desk::of(&project, wanted.name)?, &wanted, limit)?;
        }
        RejectsAction::Export { name, rule, out, to } => {
            let wanted = Wanted {
                name: name.as_deref(),
                rule: rule.as_deref(),
                column: None,
                no_duplicates: true,
            };
            write(place, &Desk::of(&project, wanted.name)?, wanted, (&out, to))?;
        }
        RejectsAction::Replay { file } => replay(place, &project, file.as_deref()).await?,
    }
    Ok(ExitCode::from(DONE))
}

/// A project with its outputs.
struct Desk {
    project: Project,
    catalog: Catalog,
    plan: Plan,
}

impl Desk {
    fn of(project: &Project, name: Option<&str>) -> Result<Self> {
        check_name(project, name)?;
        let catalog = Catalog::new(&project.work_dir.path);
        let project = fetched(project, &catalog)?;
        let plan = Plan::make(&project, &catalog)?;
        Ok(Self { project, catalog, plan })
    }

    /// Whether there is nothing to look at; it is said then.
    fn is_empty(&self, place: &Place) -> Result<bool> {
        let is_empty = !Outputs::of(&self.plan).any(&self.catalog);
        if is_empty && !place.json {
            line("nothing was run yet, or everything changed since: deskmill run")?;
        }
        Ok(is_empty)
    }
}

fn check_name(project: &Project, name: Option<&str>) -> Result<()> {
    let is_known = |name: &str| project.source(name).is_some() || project.table(name).is_some();
    let Some(name) = name.filter(|name| !is_known(name)) else {
        return Ok(());
    };
    let sources = project.sources.iter().map(|source| source.name.as_str());
    let known: BTreeSet<&str> = sources
        .chain(project.tables.iter().map(|table| table.name.as_str()))
        .collect();
    let known: Vec<&str> = known.into_iter().collect();
    Err(Wrong {
        message: format!("there is no source or table `{name}`"),
        hint: format!("known: {}", known.join(", ")),
    }
    .into())
}

fn ls(place: &Place, desk: &Desk, name: Option<&str>) -> Result<()> {
    if desk.is_empty(place)? {
        return Ok(());
    }
    let wanted = Wanted {
        name,
        ..Wanted::default()
    };
    let counts = counts(&desk.catalog, &desk.plan, &wanted)?;
    if place.json {
        return counts.iter().try_for_each(json_line);
    }
    let (duplicates, rejects): (Vec<Count>, Vec<Count>) = counts.into_iter().partition(|count| count.duplicates);
    let headings = ["source", "stage", "rule", "column", "rows", "share", "example"];
    let rows = |counts: Vec<Count>| -> Vec<Vec<String>> { counts.into_iter().map(cells).collect() };
    if rejects.is_empty() {
        line("no row was rejected")?;
    } else {
        table(&headings, &rows(rejects))?;
    }
    if !duplicates.is_empty() {
        line("\nDuplicates, which are no rejects: an earlier row has their key")?;
        table(&headings, &rows(duplicates))?;
    }
    Ok(())
}

fn cells(count: Count) -> Vec<String> {
    vec![
        count.source,
        count.stage,
        count.rule,
        visible(&count.column.unwrap_or_default()),
        count.rows.to_string(),
        format!("{:.2}%", 100.0 * count.share),
        visible(&count.example),
    ]
}

fn show(place: &Place, desk: &Desk, wanted: &Wanted<'_>, limit: usize) -> Result<()> {
    if desk.is_empty(place)? {
        return Ok(());
    }
    let texts = Texts::of(&desk.project, &desk.catalog, &desk.plan);
    let found = first_known(&desk.catalog, &desk.plan, wanted, limit)?;
    if found.is_empty() && !place.json {
        line("no such row was rejected")?;
    }
    for (at, known) in found.iter().enumerate() {
        let raw = texts.raw(&known.reject);
        if place.json {
            json_line(&whole(known, &raw))?;
            continue;
        }
        if at > 0 {
            line("")?;
        }
        shown(known, &raw)?;
    }
    Ok(())
}

fn whole(known: &Known, raw: &str) -> serde_json::Value {
    let reject = &known.reject;
    json!({
        "reject": known.id(), "source": reject.source, "file": reject.file, "line": reject.line,
        "offset": reject.offset, "row": reject.row, "stage": reject.stage, "rule": reject.rule, "column": reject.column,
        "value": reject.value, "hint": reject.hint, "raw": raw,
    })
}

fn shown(known: &Known, raw: &str) -> Result<()> {
    let reject = &known.reject;
    let offset = match reject.offset {
        ..0 => String::new(),
        offset => format!(" (offset {offset})"),
    };
    line(format!("{}:{}{offset}", visible(&reject.file), reject.line))?;
    let column = reject.column.as_deref().unwrap_or_default();
    let value = reject.value.as_deref().unwrap_or_default();
    let facts = [
        ("source", reject.source.as_str()),
        ("stage", reject.stage.as_str()),
        ("rule", reject.rule.as_str()),
        ("column", column),
        ("value", value),
        ("hint", reject.hint.as_str()),
        ("raw", raw),
    ];
    for (name, text) in facts.iter().filter(|(_, text)| !text.is_empty()) {
        line(format!("  {name:<7} {}", cut(text)))?;
    }
    Ok(())
}

/// A text in one line of bounded length.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        None => visible(text),
        Some((end, _)) => format!(
            "{} ... ({} bytes; whole with --json)",
            visible(&text[..end]),
            text.len()
        ),
    }
}

fn write(place: &Place, desk: &Desk, wanted: Wanted<'_>, to: (&str, Option<FileFormat>)) -> Result<()> {
    let (out, asked) = to;
    let output = standing(out);
    let format = choose("--out", "--to", asked, &output, Some(Format::Csv))?;
    if !Outputs::of(&desk.plan).any(&desk.catalog) {
        return Err(Wrong {
            message: "there is nothing to export: nothing was run yet, or everything changed since".into(),
            hint: "deskmill run".into(),
        }
        .into());
    }
    let request = Export {
        project: &desk.project,
        catalog: &desk.catalog,
        plan: &desk.plan,
        wanted,
        place: output,
        format,
    };
    let rejects = export(&request)?;
    if out == "-" {
        return Ok(());
    }
    if place.json {
        return json_line(&json!({ "rejects": rejects, "out": out }));
    }
    let way_on = match format {
        Format::Parquet => "",
        _ => "; mend their fields there, then: deskmill rejects replay FILE",
    };
    line(format!("{rejects} rejects in {out}{way_on}"))?;
    Ok(())
}

async fn replay(place: &Place, project: &Project, file: Option<&Path>) -> Result<()> {
    let edited = match file {
        None => None,
        Some(file) => match format_of(file) {
            Some(format @ (Format::Csv | Format::Jsonl)) => Some((file, format)),
            _ => {
                let message = format!("{}: an edited export is csv or jsonl", file.display());
                let hint = "export to .csv or .jsonl: deskmill rejects export --out mend.csv".to_owned();
                return Err(Wrong { message, hint }.into());
            }
        },
    };
    let replayed = runs::replay(place, project, edited).await?;
    if place.json {
        json_line(&json!({ "event": "replay", "replay": replayed }))?;
    } else {
        told(&replayed)?;
    }
    replayed.stopped.map_or(Ok(()), |error| Err(error.into()))
}

fn told(replayed: &Replayed) -> Result<()> {
    if let Some(taken) = &replayed.mends {
        line(format!(
            "{} new mends, {} changed, from {} rows",
            taken.new, taken.changed, taken.rows
        ))?;
    }
    let fates = &replayed.fates;
    let rules: Vec<String> = fates
        .rejected
        .iter()
        .map(|(rule, count)| format!("{rule} {count}"))
        .collect();
    let mut parts = vec![
        format!("{} kept", fates.kept),
        format!("{} duplicates", fates.duplicates),
    ];
    match fates.rejected.values().sum::<u64>() {
        0 => parts.push("0 rejected still".into()),
        still => parts.push(format!("{still} rejected still ({})", rules.join(", "))),
    }
    parts.push(format!("{} gone", fates.gone));
    if fates.unknown > 0 {
        parts.push(format!("{} not known yet", fates.unknown));
    }
    line(format!(
        "rejects of the last run: {}; now {}",
        fates.before,
        parts.join(", ")
    ))?;
    if !replayed.mends_unfit.is_empty() {
        line(format!(
            "{} mends no longer fit: {}",
            replayed.mends_unfit.len(),
            replayed.mends_unfit.join(", ")
        ))?;
    }
    for stale in &replayed.stale {
        line(format!(
            "model {} version {} was built without these rows: {} changed since",
            stale.model,
            stale.version,
            stale.changed.join(", ")
        ))?;
    }
    if !replayed.stale.is_empty() {
        line("hint: deskmill run")?;
    }
    Ok(())
}
