//! National ids made of digits.

use crate::text::pii::PiiRules;

#[test]
fn by_form_and_check_digits() {
    for number in [
        "11010519491231002X",
        "11010519491231002x",
        "110105 19491231 002X",
        "110105491231002",
        "219-09-9999",
        "912-70-1234",
        "86 095 742 719",
        "1 84 12 76 451 089 46",
        "184127645108946",
        "811228-9874",
        "19811228-9874",
        "123.456.789-09",
        "11.222.333/0001-81",
        "756.9217.0769.85",
        "900101-1234567",
        "8001015009087",
        "85.07.30-033.28",
    ] {
        assert_eq!(
            PiiRules::default().mask(&format!("it is {number}. ")),
            "it is <national_id>. ",
            "{number}"
        );
    }
    assert_eq!(
        PiiRules::default().mask("身份证号11010519491231002X，谢谢"),
        "身份证号<national_id>，谢谢"
    );
}

#[test]
fn by_name_and_check_digits() {
    for (text, masked) in [
        ("my SSN is 219099999", "my SSN is <national_id>"),
        ("bsn 111222333", "bsn <national_id>"),
        ("PESEL 44051401359", "PESEL <national_id>"),
        ("NHS number 943 476 5919", "NHS number <national_id>"),
        ("TFN 123 456 782", "TFN <national_id>"),
        ("Steuer-ID 86095742719", "Steuer-ID <national_id>"),
        ("111222333", "111222333"),
        ("86095742719", "86095742719"),
        ("110105194912310021", "110105194912310021"),
    ] {
        assert_eq!(PiiRules::default().mask(text), masked);
    }
}
