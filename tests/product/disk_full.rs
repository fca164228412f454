//! A disk that is full, for real: a small tmpfs in a mount namespace of the test. Wherever it fills up, the run says so,
//! leaves nothing half, and goes on when there is room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::binaries;
use crate::command::{Ended, Process};
use crate::desk::Desk;
use crate::mixed::{is_the_same_each_time, left, mixed, same};

/// Runs a desk on a disk with so much room beside its sources, then makes room and runs it again. What is left after each
/// of the two is put beside the desk: `first` and the desk itself.
const ON_A_SMALL_DISK: &str = r#"
desk=$1 extra_kib=$2 deskmill=$3
room=$desk/room
mkdir "$room" && mount -t tmpfs -o size=1g none "$room" || exit 90
for part in deskmill.toml raw sql; do cp -a "$desk/$part" "$room/"; done
used_kib=$(df -k --output=used "$room" | tail -1)
mount -o "remount,size=$((used_kib + extra_kib))k" "$room" || exit 90
"$deskmill" -C "$room" --json run >"$desk/first.out" 2>"$desk/first.err"
echo $? >"$desk/first.code"
mkdir "$desk/first"
cp -a "$room/.deskmill" "$desk/first/" 2>/dev/null
mount -o remount,size=1g "$room" || exit 90
"$deskmill" -C "$room" --json run >"$desk/second.out" 2>"$desk/second.err"
echo $? >"$desk/second.code"
echo "$(($(df -k --output=used "$room" | tail -1) - used_kib))" >"$desk/used"
for part in .deskmill registry; do cp -a "$room/$part" "$desk/" 2>/dev/null; done
exit 0
"#;

/// How a run on a small disk went.
struct Outcome {
    code: i32,
    stderr: String,
    /// KiB that all outputs take.
    used_kib: u64,
}

/// The desk, first on a disk with `extra_kib` of room, then with plenty.
#[track_caller]
fn on_a_small_disk(desk: &Desk, extra_kib: u64) -> Outcome {
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", ON_A_SMALL_DISK, "sh"]);
    command
        .arg(desk.path())
        .arg(extra_kib.to_string())
        .arg(binaries::deskmill());
    let ended = Process::start(command, Vec::new()).end();
    assert_eq!(
        ended.code(),
        Some(0),
        "THIS TEST CANNOT RUN: it mounts a tmpfs in a namespace of its own (`unshare -m`), which needs root or \
         CAP_SYS_ADMIN: {}",
        ended.stderr
    );
    let number = |file: &str| desk.read(file).trim().parse::<i64>().expect("a number");
    assert_eq!(
        number("second.code"),
        0,
        "{}{}",
        desk.read("second.out"),
        desk.read("second.err")
    );
    Outcome {
        code: i32::try_from(number("first.code")).expect("an exit code is small"),
        stderr: desk.read("first.err"),
        used_kib: u64::try_from(number("used")).expect("outputs take room"),
    }
}

/// Outputs that a failed run left: each whole, and none under way.
fn is_whole(desk: &Desk, expected: &BTreeMap<String, Vec<u8>>) {
    for file in desk
        .files_ending("")
        .into_iter()
        .filter(|file| file.starts_with("first/.deskmill/"))
    {
        assert!(!file.contains(".partial"), "{file} takes room");
        let name = file.trim_start_matches("first/");
        // An entry of a folder of outputs: `.deskmill/<stage>/<name>/<key>/<file>`.
        if name.split('/').count() == 5 && is_the_same_each_time(name) {
            let bytes = fs::read(desk.file(&file)).expect("it was just listed");
            assert!(expected.get(name) == Some(&bytes), "{name} is half");
        }
    }
}

#[test]
fn wherever_the_disk_fills_up_it_is_said_and_the_next_run_goes_on() {
    let fresh = mixed(80, 5);
    let undisturbed = fresh.copy();
    let all_kib = on_a_small_disk(&undisturbed, 1 << 19).used_kib;
    let expected = left(&undisturbed);

    // From no room at all to nearly enough; the registry is written last.
    let steps = (0..5).map(|step| all_kib * step / 5);
    // Sources and tables take little beside five models.
    let first = [8, 24].into_iter().chain((1..9).map(|step| step * 96));
    let extras = steps.chain(first).chain([all_kib - 96, all_kib - 24]);
    let mut places: BTreeSet<&str> = BTreeSet::new();
    for extra_kib in extras {
        let desk = fresh.copy();
        let outcome = on_a_small_disk(&desk, extra_kib);
        same(&left(&desk), &expected);
        is_whole(&desk, &expected);
        if outcome.code == 0 {
            continue;
        }
        let said = &outcome.stderr;
        assert_eq!(outcome.code, 2, "{extra_kib} KiB: {said}");
        assert!(!said.contains("panicked"), "{said}");
        let error: serde_json::Value = serde_json::from_str(said.lines().last().unwrap_or_default()).expect(said);
        let message = error["error"].as_str().expect("an error has words");
        assert!(
            message.contains("the disk is full") && message.contains("os error 28"),
            "{said}"
        );
        let hint = error["hint"].as_str().expect("an error has a hint");
        assert!(hint.contains("make room") && hint.contains("MiB"), "{said}");
        let parts = [
            ("fetched", "/fetched/"),
            ("raw", "/.deskmill/raw/"),
            ("tables", "/.deskmill/tables/"),
            ("registry", "/registry"),
        ];
        let named = parts.iter().filter(|(_, shown)| message.contains(shown));
        places.extend(named.map(|(part, _)| *part));
    }
    eprintln!("full while writing: {places:?}");
    assert!(
        ["fetched", "raw", "tables", "registry"]
            .iter()
            .all(|place| places.contains(place)),
        "{places:?}"
    );
}

/// More rows than the engine may hold are sorted on the disk.
#[test]
fn a_disk_that_fills_up_while_rows_spill() {
    let desk = Desk::small(crate::desk::good_tickets());
    desk.edit("deskmill.toml", "row_max_bytes", "memory_max_mib = 256\nrow_max_bytes");
    let project = desk.read("deskmill.toml");
    let models = project.find("[models.").expect("it has models");
    desk.write(
        "deskmill.toml",
        format!("{}[tables.pairs]\nsql = \"sql/pairs.sql\"\n", &project[..models]),
    );
    desk.write(
        "sql/pairs.sql",
        "select c.ticket_id as c, b.ticket_id as b, a.ticket_id as a, repeat(a.body || b.body, 2) as text\n\
         from tickets a cross join tickets b cross join (select * from tickets limit 16) c\n",
    );
    let outcome = on_a_small_disk(&desk, 24 << 10);
    let said = &outcome.stderr;
    assert_eq!(outcome.code, 2, "{said}");
    assert!(said.contains("the disk is full") && said.contains("spill"), "{said}");
    assert!(
        desk.files_ending("")
            .iter()
            .all(|file| !file.contains("first/.deskmill/spill/")),
        "spilled rows are left"
    );
}

#[test]
fn output_that_nobody_can_take_is_no_panic() {
    let desk = Desk::small(crate::desk::good_tickets());
    let to_a_full_disk = |words: &str| -> Ended {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("\"$1\" -C \"$2\" {words}"), "sh"]);
        command.arg(binaries::deskmill()).arg(desk.path());
        Process::start(command, Vec::new()).end()
    };
    // The run is done all the same; that its report could not be told is.
    let ended = to_a_full_disk("--json run >/dev/full").with_code(2);
    assert!(ended.stderr.contains("os error 28"), "{}", ended.stderr);
    to_a_full_disk("--json run >/dev/full 2>/dev/full").with_code(2);
    to_a_full_disk("sql 'select 1' >/dev/full 2>/dev/full").with_code(2);
    to_a_full_disk("plan >/dev/full 2>/dev/full").with_code(2);
    assert!(desk.deskmill(&["--json", "plan"]).ok().json_lines()[0]["steps"][0]["done"] == true);
}
