//! `deskmill profile`, and what runs say of tables that changed.

use serde_json::Value;

use crate::desk::{Desk, SMALL_HEADER, good_tickets};

/// Personal values of rows, some of them often enough to be among the most frequent.
const PERSONAL: [&str; 3] = ["anna.li@example.com", "13812345678", "4111 1111 1111 1111"];

/// The good tickets and 60 more that carry personal data.
fn personal_tickets() -> String {
    let mut csv = good_tickets();
    for number in 0..60 {
        let body = match number % 3 {
            0 => format!("please write to {}", PERSONAL[0]),
            1 => format!("请打我的手机{}谢谢", PERSONAL[1]),
            _ => format!("my card {} was charged twice", PERSONAL[2]),
        };
        csv.push_str(&format!("T9{number:03},{body},refund,\n"));
    }
    csv
}

/// What happened to a table in a run, of its stage `profile`.
fn profile_event(lines: &[Value], table: &str) -> Value {
    let is_it = |line: &&Value| line["stage"] == "profile" && line["event"] == "stage" && line["name"] == table;
    lines.iter().find(is_it).expect("each table has a profile").clone()
}

#[test]
fn a_profile_is_a_page_and_json_and_shows_nobody() {
    let desk = Desk::small(personal_tickets());
    let early = desk.deskmill(&["profile", "tickets"]).with_code(2);
    assert!(early.stderr.contains("hint: deskmill check"), "{}", early.stderr);
    let unknown = desk.deskmill(&["profile", "tikets"]).with_code(2);
    assert!(
        unknown.stderr.contains("known: tickets, raw.tickets"),
        "{}",
        unknown.stderr
    );
    desk.deskmill(&["check"]).ok();

    let shown = desk.deskmill(&["profile", "tickets"]).ok().stdout;
    assert!(shown.contains("420 rows, 4 columns, 0 duplicates"), "{shown}");
    assert!(shown.contains(".deskmill/profiles/tickets.html"), "{shown}");
    let page = desk.read(".deskmill/profiles/tickets.html");
    let json = desk.deskmill(&[
        "--json",
        "profile",
        "raw.tickets",
        "--out",
        &desk.file("out/raw.html").display().to_string(),
    ]);
    let json = json.ok();
    let raw_page = desk.read("out/raw.html");
    for text in [&shown, &page, &json.stdout, &raw_page] {
        let told = PERSONAL.iter().find(|value| text.contains(**value));
        assert_eq!(told, None, "{text}");
    }
    assert!(
        page.contains("national id") || page.contains("phone"),
        "the types are named"
    );
    assert!(page.contains("Content-Security-Policy") && !page.contains("<script") && !page.contains("http://"));

    let profile = &json.json_lines()[0];
    assert_eq!(
        (&profile["rows"], &profile["table"]),
        (&420.into(), &"raw.tickets".into())
    );
    let column = |name: &str| {
        let all = profile["columns"].as_array().unwrap();
        all.iter().find(|column| column["name"] == name).unwrap().clone()
    };
    let body = column("body");
    assert_eq!(body["personal"]["email"], 20, "{body}");
    assert_eq!(body["personal"]["card"], 20, "{body}");
    assert_eq!(body["count"].as_u64().unwrap() + body["nulls"].as_u64().unwrap(), 420);
    assert_eq!(column("ticket_id")["distinct"]["count"], 420);
    assert!(profile["page"].as_str().unwrap().ends_with("raw.html"));
}

/// 300 tickets, so many of every ten about a refund.
fn tickets(refunds: usize) -> String {
    let mut csv = SMALL_HEADER.to_owned();
    for number in 0..300 {
        let intent = if number % 10 < refunds { "refund" } else { "delivery" };
        let text = ["my money please", "我的包裹在哪里", "the courier never came"][number % 3];
        csv.push_str(&format!(
            "T{number:04},{text} number {number},{intent},{}\n",
            number % 7
        ));
    }
    csv
}

#[test]
fn a_shift_is_told_and_may_stop_a_run() {
    let desk = Desk::small(tickets(5));
    let check = "cast = [\"waiting_minutes\"]\n[[tables.tickets.checks]]\ncheck = \"distribution\"\ncolumn = \"intent\"\nthen = \"stop\"\n";
    desk.edit("deskmill.toml", "cast = [\"waiting_minutes\"]\n", check);
    let first = desk.run();
    assert_eq!(first["checks"][0]["found"], "no earlier run to compare with");
    assert_eq!(first["profiles"]["tickets"]["since"], Value::Null);

    let same = desk.deskmill(&["--json", "run"]).ok().json_lines();
    let event = profile_event(&same, "tickets");
    assert_eq!(
        (&event["skipped"], &event["facts"]["unchanged"]),
        (&true.into(), &true.into())
    );

    desk.write("raw/tickets.csv", tickets(9));
    let stopped = desk.deskmill(&["--json", "run"]).with_code(1);
    let event = profile_event(&stopped.json_lines(), "tickets");
    let words = event["outcome"].as_str().unwrap();
    assert!(words.starts_with("1 of 4 columns moved: intent (JS ."), "{words}");
    assert!(
        stopped
            .stderr
            .contains("`intent` is distributed as in the last good run"),
        "{}",
        stopped.stderr
    );
    assert_eq!(desk.last_run()["checks"][0]["passed"], false);

    // A run that was stopped is no measure for the next, nor is a check.
    desk.edit("deskmill.toml", "then = \"stop\"", "then = \"warn\"");
    desk.deskmill(&["check"]).ok();
    let warned = desk.run();
    assert_eq!(warned["checks"][0]["passed"], false, "{warned}");
    let after = desk.run();
    assert_eq!(after["checks"][0]["passed"], true, "{after}");
    assert_eq!(after["profiles"]["tickets"]["unchanged"], true);
}
