//! Ids with letters, and codes that are none.

use crate::text::pii::PiiRules;

#[test]
fn ids_with_letters() {
    for id in [
        "12345678Z",
        "12345678-Z",
        "X1234567L",
        "RSSMRA85T10A562S",
        "S1234567D",
        "A123456789",
        "131052-308T",
        "A123456(3)",
        "ABCPD1234E",
        "AB123456C",
        "AB 12 34 56 C",
        "HEGG560427MVZRRL04",
    ] {
        assert_eq!(
            PiiRules::default().mask(&format!("it is {id} ok")),
            "it is <national_id> ok",
            "{id}"
        );
        assert_eq!(
            PiiRules::default().mask(&format!("号码{id}。")),
            "号码<national_id>。",
            "{id}"
        );
    }
}

#[test]
fn codes_stay() {
    for text in [
        "12345678A",
        "DM-20418",
        "A123456780",
        "iPhone15",
        "COVID19",
        "B12",
        "RSSMRA85T10A562T",
        "USB3 2x4",
    ] {
        assert_eq!(PiiRules::default().mask(text), text);
    }
}
