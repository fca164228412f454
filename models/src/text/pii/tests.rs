//! What holds for every type together.

mod name;
mod national;
mod phone;
mod tokens;

use super::*;
use proptest::prelude::*;

fn mask(text: &str) -> String {
    PiiRules::default().mask(text).into_owned()
}

#[test]
fn several_in_one_text() {
    assert_eq!(
        mask("I am Jane Example, li@example.com or +1 212-555-0123; card 4111 1111 1111 1111 from 192.0.2.1"),
        "I am <name>, <email> or <phone>; card <card> from <ip>"
    );
    assert_eq!(mask("１３８００１３８０００ ٠١٢٣٤٥٦٧٨٩"), "<phone> <phone>");
    assert_eq!(
        mask("<email> called <phone:0123456789ab>"),
        "<email> called <phone:0123456789ab>"
    );
}

#[test]
fn only_what_was_asked_for() {
    let rules = PiiRules::default().only(&[PiiType::Email]);
    assert_eq!(rules.mask("li@example.com +1 212-555-0123"), "<email> +1 212-555-0123");
    assert!(matches!(rules.mask("nothing"), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn order_numbers_as_declared() -> Result<(), PiiRuleError> {
    let rules = PiiRules::default().with_order_numbers(&[r"\bDM-\d{5}\b", r"\d{17}"])?;
    assert_eq!(
        rules.mask("订单DM-20418 and 20261122000123456"),
        "订单DM-20418 and <order_number>"
    );
    assert_eq!(rules.mask("order DM-20418."), "order <order_number>.");
    assert!(PiiRules::default().with_order_numbers(&["("]).is_err());
    assert!(PiiRules::default().with_order_numbers(&[r"(\w{500}){500}"]).is_err());
    Ok(())
}

#[test]
fn pseudonyms_are_stable_and_say_nothing() -> Result<(), PiiRuleError> {
    let rules = PiiRules::default().with_key(b"0123456789abcdef")?;
    let once = rules.mask("Li@Example.com").into_owned();
    assert_eq!(once, rules.mask("li@example.com"));
    assert_eq!(once.len(), "<email:>".len() + 12);
    assert_ne!(
        once,
        PiiRules::default()
            .with_key(b"another key here")?
            .mask("li@example.com")
    );
    assert!(PiiRules::default().with_key(b"short").is_err());
    assert!(!format!("{rules:?}").contains("48"));
    Ok(())
}

#[test]
fn hostile_texts_end_soon() {
    for piece in [
        "1 ",
        "a@",
        "1:",
        "12-34.",
        "(1) ",
        "+1 212 555 0123 ",
        "my name is ",
        "北京市",
        "0",
        "http://a?",
        "a=",
        "1.2.3.4.",
        "x1",
    ] {
        let text = piece.repeat(100_000 / piece.len());
        let once = mask(&text);
        assert_eq!(mask(&once), once, "{piece}");
    }
}

/// Pieces that finders react to, in any order, besides any text.
pub(crate) fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,4}",
        "[0-9]{1,12}",
        "[0-9A-Fa-f:.]{1,12}",
        "[ .,:;/()@+<>x-]{1,2}",
        prop::sample::select(vec![
            "phone ",
            "order ",
            "my name is ",
            "Mr. ",
            "Jane ",
            "Example",
            "li@example.com",
            "4111 1111 1111 1111",
            "212-555-0123",
            "13800138000",
            "<email>",
            "<phone:0123456789ab>",
            "我叫",
            "李小明",
            "先生",
            "北京市朝阳区建国路",
            "88号",
            " Street",
            "passport ",
            "\n",
            "Regards,\n",
            "\u{200b}",
            "１２３",
            "＠",
            "https://example.com/?token=abcdef",
            "DE89370400440532013000",
            "192.0.2.1",
            "ext. 12",
            "Dear ",
            " at ",
            " dot com",
            "(at)",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn total_idempotent_and_true_to_the_rest(text in pieces(), keyed in any::<bool>()) {
        let mut rules = PiiRules::default();
        if keyed {
            rules = rules.with_key(b"0123456789abcdef").expect("16 bytes are enough");
        }
        let spans = rules.find(&text);
        let mut end = 0;
        for span in &spans {
            prop_assert!(end <= span.start && span.start < span.end && span.end <= text.len());
            prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
            end = span.end;
        }
        let once = rules.mask(&text).into_owned();
        let mut rest = once.as_str();
        let mut from = 0;
        for span in &spans {
            let after = rest.strip_prefix(&text[from..span.start]).and_then(|rest| rest.strip_prefix('<'));
            rest = after.and_then(|rest| rest.strip_prefix(span.kind.name())).and_then(|rest| rest.split_once('>')).expect("a placeholder stands for the span").1;
            from = span.end;
        }
        prop_assert_eq!(rest, &text[from..]);
        prop_assert!(rules.find(&once).is_empty(), "{:?} -> {:?}", once, rules.mask(&once));
    }
}
