//! The page as a whole: safe with any text, calm with no rows, and complete.

use deskmill_models::findings::{
    Advice, ConfusablePair, Contradiction, Cut, Duplicates, Findings, LabelError, LabelledRow, RowRef,
};
use deskmill_models::metrics::{Confusion, Evaluation, LabelScores, Metric, Mistake, ReliabilityBin, Slice};
use serde_json::{Value, json};

use super::{Report, ReportRows, page};

const SCRIPT: &str = "<script>alert('x')</script>\"&";

fn empty() -> Evaluation {
    Evaluation {
        rows: 0,
        main_metric: "accuracy".into(),
        metrics: Vec::new(),
        reliability: Vec::new(),
        labels: Vec::new(),
        confusions: Vec::new(),
        slices: Vec::new(),
        worst: Vec::new(),
        coverage: Vec::new(),
        findings: Findings::default(),
        notes: Vec::new(),
        promises: None,
        beside: None,
        row_scores: Vec::new(),
        row_parts: Vec::new(),
    }
}

/// Two labels, with the given text wherever a project or a customer can put one.
fn small(text: &str) -> Evaluation {
    let metric = |name: &str, value, larger_is_better| Metric {
        name: name.into(),
        value,
        interval: Some((value - 0.01, value + 0.01)),
        larger_is_better,
    };
    let label = |label: &str, rows| LabelScores {
        label: label.into(),
        rows,
        precision: (rows > 0).then_some(0.75),
        recall: (rows > 0).then_some(0.5),
        f1: 0.6,
    };
    Evaluation {
        rows: 1_234,
        metrics: vec![
            metric("accuracy", 0.9, true),
            metric("expected_calibration_error", 0.02, false),
            metric(text, 7.0, true),
        ],
        reliability: vec![ReliabilityBin {
            from: 0.9,
            rows: 1_234,
            stated: 0.95,
            observed: 0.9,
        }],
        labels: vec![label(text, 1_000), label("退货运费", 234), label("never", 0)],
        confusions: vec![Confusion {
            actual: text.into(),
            predicted: "退货运费".into(),
            rows: 100,
        }],
        slices: vec![Slice {
            column: text.into(),
            value: text.into(),
            rows: 10,
            score: 0.5,
            interval: (0.2, 0.8),
        }],
        worst: vec![
            Mistake {
                input: json!({ "text": text }),
                actual: text.into(),
                predicted: text.into(),
                score: 0.99,
            },
            Mistake {
                input: json!({ text: text, "n": 1 }),
                actual: "a".into(),
                predicted: "b".into(),
                score: 0.98,
            },
            Mistake {
                input: json!(text.repeat(100)),
                actual: "a".into(),
                predicted: "b".into(),
                score: 0.97,
            },
        ],
        coverage: vec![(0.5, 0.99), (1.0, 0.9)],
        findings: found(text),
        notes: vec![(text.into(), text.into())],
        ..empty()
    }
}

/// One finding of each sort.
fn found(text: &str) -> Findings {
    let row = |part: &str, row| RowRef {
        part: part.into(),
        place: 41,
        row,
        text: text.into(),
    };
    let error = LabelError {
        row: row("train", Some(1_099_511_627_813)),
        given: text.into(),
        suggested: "退货运费".into(),
        given_probability: 0.02,
        suggested_probability: 0.97,
    };
    let labelled = |part: &str, label: &str| LabelledRow {
        row: row(part, None),
        label: label.into(),
    };
    Findings {
        judged: 1_000,
        not_judged: 7,
        suspects: 12,
        noise: Some(0.013),
        label_errors: vec![error.clone()],
        confusable: vec![ConfusablePair {
            labels: [text.into(), "退货运费".into()],
            mixed: [30, 11],
            rows: [90, 60],
            share: 41.0 / 150.0,
            examples: vec![error],
            advice: Advice::Merge,
        }],
        duplicates: Some(Duplicates {
            threshold: 0.9,
            texts: 900,
            not_compared: 3,
            groups: 40,
            grouped: 140,
            largest: 9,
            cut: Cut::Given,
            left_apart: 2,
            across_same: 5,
            across_near: 6,
            across: vec![[labelled("test", text), labelled("train", "b")]],
            contradictions: 1,
            contradicting: 2,
            contradictory: vec![Contradiction {
                is_same_text: true,
                labels: vec![(text.into(), 4), ("b".into(), 2)],
                rows: vec![labelled("train", text), labelled("calibrate", "b")],
            }],
        }),
    }
}

fn report<'a>(
    evaluation: &'a Evaluation,
    recipe: &'a Value,
    text: &'a str,
    lineage: &'a [(String, u64, String)],
) -> Report<'a> {
    Report {
        model: text,
        kind: text,
        evaluation,
        recipe,
        rows: ReportRows {
            train: 0,
            calibrate: 0,
            test: evaluation.rows,
        },
        lineage,
        artifact_bytes: 12_400_000,
    }
}

#[test]
fn any_text_is_escaped() {
    let evaluation = small(SCRIPT);
    let recipe = json!({ SCRIPT: SCRIPT, "inner": { SCRIPT: [SCRIPT] } });
    let lineage = [(SCRIPT.to_owned(), 3, SCRIPT.to_owned())];
    let html = page(&report(&evaluation, &recipe, SCRIPT, &lineage));
    assert!(html.contains("&lt;script&gt;"));
    assert!(!html.contains("<script"), "a script of a customer is in the page");
    assert!(
        !html.contains("alert('x')</script>\""),
        "a quote of a customer ends an attribute"
    );
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let evaluation = small("退款");
    let html = page(&report(&evaluation, &Value::Null, "intent", &[]));
    for door in ["http://", "https://", "src=", "@import", "url(", "<link"] {
        assert!(!html.contains(door), "{door}");
    }
}

#[test]
fn an_empty_evaluation_has_a_page() {
    let evaluation = empty();
    let html = page(&report(&evaluation, &Value::Null, "", &[]));
    assert!(html.contains("The main metric was not measured."));
    assert!(!html.contains("NaN") && !html.contains("inf"));
}

#[test]
fn numbers_that_are_none_do_not_break_the_page() {
    let mut evaluation = small("a");
    evaluation.metrics[0].value = f64::NAN;
    evaluation.metrics[1].interval = Some((f64::NEG_INFINITY, f64::INFINITY));
    evaluation.slices[0].score = f64::NAN;
    evaluation.slices[0].interval = (f64::NAN, f64::NAN);
    evaluation.reliability[0].observed = f64::NAN;
    evaluation.coverage = vec![(f64::NAN, f64::NAN), (1.0, f64::NAN)];
    evaluation.labels[0].recall = Some(f64::NAN);
    let html = page(&report(&evaluation, &json!({}), "a", &[]));
    assert!(!html.contains("NaN") && !html.contains("inf\"") && !html.contains(">inf"));
}

#[test]
fn every_section_is_there_with_and_without_rows() {
    for evaluation in [empty(), small("a")] {
        let html = page(&report(
            &evaluation,
            &json!({ "cost": 0.5 }),
            "intent",
            &[("tickets".into(), 12_345, "ab12".into())],
        ));
        for id in [
            "metrics",
            "reliability",
            "coverage",
            "labels",
            "confusion",
            "slices",
            "mistakes",
            "findings",
            "recipe",
            "lineage",
        ] {
            assert!(html.contains(&format!("<section id=\"{id}\"")), "{id}");
            assert!(html.contains(&format!("href=\"#{id}\"")), "{id}");
        }
        assert!(html.contains("12,345") && html.contains("12.4 MB"));
    }
}

#[test]
fn promises_stand_beside_what_came_of_them() {
    assert!(!page(&report(&small("a"), &json!({}), "intent", &[])).contains("id=\"promises\""));
    let kept = json!({"score": 0.8, "rows": 750, "accepted": 600, "right": 585, "bound": 0.951, "rows_needed": null});
    let failed = json!({"score": null, "rows": 40, "accepted": 0, "right": 0, "bound": 0.0, "rows_needed": 1620});
    let answer = |label: &str, threshold| {
        json!({"label": label, "promised": 0.95, "confidence": 0.9, "threshold": threshold,
               "rows": 1000, "accepted": 0, "right": 0})
    };
    let miss = json!({"promised": 0.02, "confidence": 0.95, "score": 0.0, "rows": 20, "missed": 0, "bound": 0.0,
                      "rows_needed": 149});
    let promises = json!({
        "answers": [answer("退款", kept), answer("card", failed)],
        "misses": [{"label": "escalation", "threshold": miss, "rows": 9, "missed": 0, "flagged": 1.0}],
    });
    let evaluation = Evaluation {
        promises: serde_json::from_value(promises).expect("a promise report"),
        ..small("a")
    };
    let html = page(&report(&evaluation, &json!({}), "intent", &[]));
    for text in [
        "id=\"promises\"",
        "95.1%",
        "about 1,620 held-back rows",
        "every row is flagged",
        "149 are needed",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn simpler_models_stand_beside_the_model() {
    assert!(!page(&report(&small("a"), &json!({}), "intent", &[])).contains("id=\"beside\""));
    let metric = |name: &str, value: f64| json!({"name": name, "value": value, "interval": [value - 0.01, value + 0.01], "larger_is_better": true});
    let beside = |linear: bool, trivial: bool| {
        let model = |name: &str, value: f64, as_good: bool| {
            json!({"name": name, "learned_rows": 4321, "as_good": as_good,
                   "metrics": [metric("accuracy", value), metric("macro_f1", 0.1234)]})
        };
        let models = [
            model("trivial", 0.25, trivial),
            model("linear", 0.895, linear),
            model(SCRIPT, 0.5, false),
        ];
        let evaluation = Evaluation {
            beside: serde_json::from_value(json!({"metric": "accuracy", "models": models})).expect("simpler models"),
            ..small("a")
        };
        page(&report(&evaluation, &json!({}), "intent", &[]))
    };
    let html = beside(false, false);
    for text in [
        "id=\"beside\"",
        "Trivial guess",
        "logistic regression",
        "4,321",
        "−0.005",
        "0.123",
        "This model",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(html.contains("None of them is as good as this model.") && !html.contains(SCRIPT));
    assert!(beside(true, false).contains("Linear is as good as this model."));
    assert!(beside(true, true).contains("do not show that it has learned anything"));
}

#[test]
fn plots_are_named_and_have_their_numbers_as_a_table() {
    let evaluation = small("a");
    let html = page(&report(&evaluation, &json!({}), "intent", &[]));
    assert_eq!(html.matches("role=\"img\"").count(), 2);
    assert_eq!(html.matches("<summary>The numbers as a table</summary>").count(), 2);
    assert!(html.contains("<desc id=\"reliability-text\">") && html.contains("<desc id=\"coverage-text\">"));
    assert!(html.contains("<bdi lang=\"zh\">退货运费</bdi>"));
}

#[test]
fn examples_to_look_at_are_listed_with_the_way_back() {
    let evaluation = small("包裹 arrived broken");
    let html = page(&report(&evaluation, &Value::Null, "intent", &[]));
    for shown in [
        "12 of 1,000 labels look wrong",
        "about 1.3%",
        "7 rows were not judged",
        "row 1099511627813",
        "deskmill lineage TABLE --row N",
        "Make one label of them",
        "5 test rows",
        "is not kept apart",
        "not compared",
        "4 rows",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
    let calm = page(&report(&empty(), &Value::Null, "intent", &[]));
    assert!(calm.contains("No row was judged."));
}
