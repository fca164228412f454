#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use encoding_rs::{BIG5, GBK, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253};
use proptest::prelude::*;

/// What a reader makes of UTF-8 who takes it for `encoding`.
fn misread(text: &str, encoding: &'static encoding_rs::Encoding) -> String {
    encoding.decode_without_bom_handling(text.as_bytes()).0.into_owned()
}

#[test]
fn single_byte_encodings() {
    for (text, encoding) in [
        ("Die Rechnung über 12 € ist schön früh gekommen", WINDOWS_1252),
        ("Où est ma commande ? Merci d’avance", WINDOWS_1252),
        ("Где мой заказ? Спасибо", WINDOWS_1251),
        ("Moja przesyłka nie dotarła, proszę o pomoc", WINDOWS_1250),
        ("Πού είναι η παραγγελία μου;", WINDOWS_1253),
        ("退款什么时候到账？", WINDOWS_1252),
        ("thanks 👍🎉", WINDOWS_1252),
    ] {
        let once = misread(text, encoding);
        assert_ne!(once, text);
        assert_eq!(repair_mojibake(&once), text, "{once}");
        assert_eq!(repair_mojibake(&misread(&once, WINDOWS_1252)), text);
    }
}

#[test]
fn chinese_encodings() {
    assert_eq!(repair_mojibake("浣犲ソ"), "你好");
    assert_eq!(repair_mojibake("order 12: 浣犲ソ, thanks"), "order 12: 你好, thanks");
    for text in [
        "我的订单什么时候可以发货",
        "你好，请问这个商品还有货吗，谢谢",
        "it’s not working",
    ] {
        let repaired = repair_mojibake(&misread(text, GBK));
        // An odd number of bytes loses the last character.
        assert!(
            repaired == text || text.starts_with(repaired.trim_end_matches('\u{fffd}')),
            "{repaired}"
        );
        assert!(repaired.chars().count() == text.chars().count(), "{repaired}");
    }
    let traditional = misread("退貨", BIG5);
    assert!(!traditional.is_empty() && repair_mojibake(&traditional).len() <= "退貨".len() * 3);
    assert_eq!(repair_mojibake("锟斤拷锟斤拷"), "锟斤拷锟斤拷");
}

#[test]
fn sound_text_stays() {
    for text in [
        "",
        "plain",
        "Größe: 12 £, naïve café – “quoted” …",
        "L’été à Orléans, déjà vu",
        "AÑO NUEVO, NIÑO ¿qué?",
        "ÇA VA ÊTRE BIEN…",
        "你好，世界",
        "我想退货，怎么操作？",
        "書籍を返品したい。",
        "환불 요청합니다",
        "Привет, где заказ?",
        "Καλημέρα σας",
        "5×£35 and 20 °C ± 2",
        "珀 浣 氵",
    ] {
        assert_eq!(repair_mojibake(text), text);
    }
}

#[test]
fn lines_are_their_own() {
    assert_eq!(
        repair_mojibake("cafÃ©\nнормально\r\nschÃ¶n\n"),
        "café\nнормально\r\nschön\n"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn total(text in "(?s).*|[À-ÿ€™œ\u{80}-\u{a0} ?]{0,40}|[一-龥?a-z]{0,30}") {
        repair_mojibake(&text);
    }

    #[test]
    fn misread_latin_comes_back(text in "[a-z]{2,8} [a-zàèéùüöäßñç]{4,12} (déjà|über|niño) [a-z]{2,8}") {
        prop_assert_eq!(repair_mojibake(&misread(&text, WINDOWS_1252)), text);
    }
}
