//! Cases of the kinds that JSON test suites hold: what must be read, and what must not. The public suite itself is
//! measured apart, from where its files are.

use super::{Case, jsonl};
use crate::project::Format;

const READ: &[&str] = &[
    "[[]   ]",
    "[\"\"]",
    "[]",
    "[\"a\"]",
    "[false]",
    "[null, 1, \"1\", {}]",
    "[1\n]",
    " [1]",
    "[1,null,null,null,2]",
    "[2] ",
    "[0e+1]",
    "[ 4]",
    "[-0]",
    "[1E-2]",
    "[123.456e78]",
    "{\"a\":\"b\",\"a\":\"c\"}",
    "{\"\":0}",
    "{\"a\\u0000b\": 42}",
    "{\"min\": -1.0e+28, \"max\": 1.0e+28 }",
    "{\"a\":[]}",
    "{\n\"a\": \"b\"\n}",
    "[\"\\uD801\\udc37\"]",
    "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
    "[\"\\u0000\"]",
    "[\"\u{7f}\"]",
    "[\"\u{2028}\"]",
    "\"\"",
    "true",
    "-0.1",
    "\n",
    "[\"a\"]\n",
];

const REFUSED: &[&str] = &[
    "[1 true]",
    "[\"\": 1]",
    "[,1]",
    "[1,,2]",
    "[\"x\",,]",
    "[\"x\"]]",
    "[\"\",]",
    "[\"x\"",
    "[x",
    "[3[4]]",
    "[1:2]",
    "[,]",
    "[-]",
    "[   , \"\"]",
    "[\"a\",\n4\n,1,",
    "[1,]",
    "[*]",
    "[{}",
    "[fals]",
    "[++1]",
    "[+1]",
    "[+Inf]",
    "[-01]",
    "[-1.0.]",
    "[-2.]",
    "[-NaN]",
    "[.-1]",
    "[.2e-3]",
    "[0.1.2]",
    "[0.3e+]",
    "[0.e1]",
    "[0e]",
    "[1 000.0]",
    "[1eE2]",
    "[2.e3]",
    "[9.e+]",
    "[Inf]",
    "[0x1]",
    "[1+2]",
    "[-foo]",
    "[- 1]",
    "[-012]",
    "[1.]",
    "[1ea]",
    "[\u{ff11}]",
    "[123",
    "{\"x\", null}",
    "{\"x\"::\"b\"}",
    "{\u{1f1e8}}",
    "{\"a\":\"a\" 123}",
    "{key: 'value'}",
    "{\"a\" b}",
    "{:\"b\"}",
    "{\"a\" \"b\"}",
    "{\"a\":",
    "{\"a\"",
    "{1:1}",
    "{\"id\":0,,,,,}",
    "{'a':0}",
    "{\"id\":0,}",
    "{\"a\":\"b\"}/**/",
    "{\"a\":\"b\"}#",
    "{\"a\":\"b\",,\"c\":\"d\"}",
    "{\"a\": true} \"x\"",
    "{{\"x\":1}}",
    "[\"\\uD800\\\"]",
    "[\"\\u00A\"]",
    "[\"\\uD834\\uDd\"]",
    "[\"\\x00\"]",
    "[\"\\\\\\\"]",
    "[\"\\\u{1f300}\"]",
    "[\"\\a\"]",
    "[\"a\nb\"]",
    "[\"\t\"]",
    "[\\n]",
    "['x']",
    "abc",
    "\"",
    "\"\\",
    "[\u{2060}]",
    "<.>",
    "[<null>]",
    "[1]x",
    "[\"asd]",
    "a\u{e5}",
    "[True]",
    "1]",
    "{\"x\": true,",
    "[][]",
    "]",
    "{]",
    "[\"a\",",
    "{\"a\":1}]",
    "{}}",
    "[\u{c}]",
    "{\"asd\":\"asd\"",
    "*",
    "{,",
    "{\"a\":\"b\"}#{}",
    "nul",
    "[1,\n1\n,1",
    "123\u{0}",
    "[\"x\"{}]",
];

#[test]
fn what_is_json_is_read_and_nothing_else() {
    let json = Case {
        format: Format::Json,
        ..jsonl()
    };
    for text in READ.iter().filter(|text| !text.trim().is_empty()) {
        let outcome = json.land(text.as_bytes());
        assert_eq!(outcome.landed.rejects, 0, "{text}: {:?}", outcome.rejects);
        if !text.contains('\n') {
            let outcome = jsonl().land(text.as_bytes());
            assert!(
                outcome.rejects.iter().all(|reject| !reject.hint.contains("not JSON")),
                "{text}"
            );
        }
    }
    for text in REFUSED {
        for case in [&json, &jsonl()] {
            let rejects = case.try_land(text.as_bytes()).map(|outcome| outcome.landed.rejects);
            assert!(rejects.unwrap_or(1) > 0, "{:?}: {text}", case.format);
        }
    }
}
