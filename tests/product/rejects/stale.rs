//! Models that were made from other tables than those of now.

use super::{bad_desk, stale};

#[test]
fn a_model_is_stale_when_its_tables_changed() {
    let desk = bad_desk();
    desk.run();
    let words = |desk: &crate::desk::Desk| {
        let list = desk.deskmill(&["models"]).ok().stdout;
        let show = desk.deskmill(&["models", "show", "intent"]).ok().stdout;
        assert_eq!(list.contains("stale"), show.contains("stale"), "{list}\n{show}");
        list.contains("stale: tickets changed since")
    };
    assert!(!words(&desk));
    desk.edit("raw/tickets.csv", "delivery,soon", "delivery,9");
    assert!(words(&desk), "the source changed, run or not");
    let shown = desk.deskmill(&["--json", "models", "show", "intent"]).ok().json_lines();
    assert_eq!(shown[0]["stale"], serde_json::json!(["tickets"]));
    assert_eq!(desk.run()["models"]["intent"]["published"]["serving"], 2);
    assert!(!words(&desk));
    // An older version is what it is.
    let shown = desk
        .deskmill(&["--json", "models", "show", "intent@1"])
        .ok()
        .json_lines();
    assert_eq!(shown[0]["stale"], serde_json::Value::Null);
    desk.deskmill(&["models", "rollback", "intent"]).ok();
    assert!(words(&desk), "the alias names the older version again");
}

#[test]
fn models_are_listed_whatever_became_of_the_sources() {
    let desk = bad_desk();
    desk.run();
    desk.edit("sql/tickets.sql", "from raw.tickets", "from raw.none");
    assert_eq!(stale(&desk), serde_json::Value::Null, "no plan, nothing known");
    desk.edit("sql/tickets.sql", "from raw.none", "from raw.tickets");
    std::fs::remove_file(desk.file("raw/tickets.csv")).unwrap();
    assert_eq!(stale(&desk), serde_json::Value::Null);
    desk.deskmill(&["models", "show", "intent"]).ok();
    desk.deskmill(&["run"]).with_code(2);
    desk.write("deskmill.toml", "[project\n");
    desk.deskmill(&["models"]).with_code(2);
}
