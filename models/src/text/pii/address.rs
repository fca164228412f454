//! Postal addresses as far as their form shows them: a number with a street word, a post box, a state with its zip code, a
//! British or Canadian postcode, a Chinese chain of district, road and number. Towns and streets alone are not found.

use super::{Found, PiiType, certainty};
use regex::Regex;
use std::sync::LazyLock;

const UNIT: &str = r"(?:,?\s{1,3}(?i:apt|apartment|suite|unit|flat|floor|fl|ste|room|rm|#)\.?\s?#?\d{1,5}[A-Za-z]?)";
const STATES: &str = "A[LKZRAEP]|C[AOT]|D[EC]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[TAI]|W[AVIY]|GU";

static WESTERN: LazyLock<Regex> = LazyLock::new(|| {
    let word = r"(?:\p{Lu}[\p{L}'.-]{0,30}|\d{1,3}(?i:st|nd|rd|th))";
    let english = r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Square|Sq|Place|Pl|Terrace|Tce|Way|Highway|Hwy|Parkway|Pkwy|Crescent|Cres|Close|Gardens|Row|Circle|Cir|Trail|Walk|Grove|Mews|Parade|Esplanade|Quay|Turnpike|Alley|Loop|Plaza|Ridge|Hill)";
    let lower = r"(?:street|avenue|ave|road|rd|boulevard|blvd|lane)";
    let town = format!(r"(?:,?\s{{1,3}}\p{{Lu}}[\p{{L}}'.-]{{1,30}}(?: \p{{Lu}}[\p{{L}}'.-]{{1,30}}){{0,2}},?\s{{1,2}}(?:(?:{STATES})\s{{1,2}})?\d{{4,5}}(?:-\d{{4}})?)");
    Regex::new(&[
        format!(r"\b\d{{1,5}}[A-Za-z]?,? (?:{word} ){{1,4}}{english}\b\.?{UNIT}?{town}?"),
        format!(r"\b\d{{1,5}}[a-z]? (?:[\p{{L}}']{{3,20}} ){{1,2}}{lower}\b{UNIT}?"),
        format!(r"\b\p{{Lu}}[\p{{L}}-]{{1,40}}(?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer|straat|laan|plein|gracht|kade|gatan|vägen|gade|vej|veien|gata|katu|tie) \d{{1,4}} ?[a-z]?\b(?:,?\s{{1,2}}\d{{4,5}} \p{{Lu}}[\p{{L}}-]{{1,30}})?"),
        format!(r"\b\p{{Lu}}[\p{{L}}-]{{1,30}} (?:Straße|Strasse|Str\.|Weg|Platz|Allee|Gasse|Ring|Damm|Ufer) \d{{1,4}} ?[a-z]?\b(?:,?\s{{1,2}}\d{{4,5}} \p{{Lu}}[\p{{L}}-]{{1,30}})?"),
        r"\b\d{1,4}(?: ?(?i:bis|ter))?,? (?i:rue|avenue|av\.|boulevard|bd|place|allée|impasse|chemin|quai|cours|route|square) (?:(?:de la|de l'|de|du|des|la|le|les|l'|d') ?)?\p{Lu}[\p{L}'-]{1,30}(?: (?:de |du |des )?\p{Lu}[\p{L}'-]{1,30}){0,3}(?:,?\s{1,2}\d{5} \p{Lu}[\p{L}'-]{1,30})?".to_owned(),
        r"\b(?:Calle|C/|Avenida|Avda\.?|Av\.|Plaza|Paseo|Camino|Carretera|Ronda|Rua|Travessa|Via|Viale|Piazza|Corso|Largo|Vicolo|Strada|Ulica|ul\.|al\.) ?(?:(?:de la|de los|de|del|della|dei|do|da|dos|la) )?\p{Lu}[\p{L}'.-]{0,30}(?: (?:(?:de|del|la|di|da|do|y) ){0,2}\p{Lu}[\p{L}'.-]{1,30}){0,3},? (?:nº|n\.|n°|#)? ?\d{1,5}[A-Za-z]?\b".to_owned(),
        r"(?i:\bp\.? ?o\.? ?box:? ?\d{1,6}|\bpostfach \d{1,6}|\bapartado(?: de correos)? \d{1,6}|\bboîte postale \d{1,6})".to_owned(),
        r"\b(?i:psc|unit|cmr) \d{1,5},? (?i:box) \d{1,5}(?:\s{1,2}[ADF]PO,? A[AEP],? \d{5})?|\b[ADF]PO,? A[AEP],? \d{5}\b".to_owned(),
        format!(r"\b\p{{Lu}}[\p{{L}}'-]{{1,30}}(?: \p{{Lu}}[\p{{L}}'-]{{1,30}}){{0,2}},? (?:{STATES}),? \d{{5}}(?:-\d{{4}})?\b"),
        r"\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b|\b[ABCEGHJ-NPRSTVXY]\d[A-Z] \d[A-Z]\d\b".to_owned(),
    ]
    .join("|"))
    .expect("a fixed pattern compiles")
});

static CHINESE: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"(?:[0-9]{1,5}|[一二三四五六七八九十百]{1,4})";
    let part = format!(r"(?:{number}|[A-Za-z])(?:号楼|號樓|号院|号|號|弄|栋|棟|幢|座|单元|單元|楼|樓|层|層|室|房)");
    Regex::new(&format!(
        r"(?:\p{{Han}}{{2,10}}(?:省|市|区|區|县|縣|州|镇|鎮|乡|鄉|村|街道)){{0,5}}\p{{Han}}{{1,10}}(?:路|街|大道|道|巷|弄|胡同|村|里|小区|社区|花园|苑|园|公寓|大厦|广场)(?:\p{{Han}}{{0,2}}段)?{part}(?:[ ,-]?\p{{Han}}{{0,8}}{part}){{0,5}}(?:[0-9]{{2,4}}\b)?"
    ))
    .expect("a fixed pattern compiles")
});

/// Words that stand before an address in a sentence and are no part of it.
const LEADS: [&str; 16] =
    ["地址是", "地址为", "地址", "住在", "寄到", "送到", "发到", "寄往", "改成", "改为", "改到", "住址", "位于", "住", "在", "到"];
/// Words that stand between a number and `road` when it is no address: `5 miles down the road`.
const NOT_STREETS: [&str; 18] = [
    "the", "down", "miles", "minutes", "years", "days", "hours", "cars", "people", "more", "times", "and", "off", "this", "that", "different", "lane",
    "road",
];

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut push = |start, end| found.push(Found { start, end, kind: PiiType::Address, certainty: certainty::ADDRESS });
    for m in WESTERN.find_iter(text) {
        let words = m.as_str().split(' ').skip(1);
        let inner = words.clone().count().saturating_sub(1);
        if !words.take(inner).any(|word| NOT_STREETS.contains(&word)) {
            push(m.start(), m.end());
        }
    }
    if ["号", "號", "室", "栋", "棟", "楼", "樓", "弄", "单元", "座", "幢"].iter().any(|sign| text.contains(sign)) {
        for m in CHINESE.find_iter(text) {
            // The chain begins after the last lead in its first words; digits end that part.
            let head = m.as_str().find(|c: char| c.is_ascii_digit()).unwrap_or(m.len());
            let head = &m.as_str()[..head];
            let lead = LEADS.iter().filter_map(|lead| head.rfind(lead).map(|at| at + lead.len())).max().unwrap_or(0);
            if lead < head.len() {
                push(m.start() + lead, m.end());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::text::pii::PiiRules;

    #[test]
    fn forms() {
        for (text, masked) in [
            ("at 12 Example Street, please", "at <address>, please"),
            ("12 Sample Ave Apt 4, Springfield, IL 62704 ok", "<address> ok"),
            ("ship to 12 sample road now", "ship to <address> now"),
            ("Beispielstraße 5a, 10115 Berlin", "<address>"),
            ("10 rue de la Paix", "<address>"),
            ("Calle Mayor, 5", "<address>"),
            ("in Via Roma 12 a", "in <address> a"),
            ("P.O. Box 123", "<address>"),
            ("SW1A 1AA", "<address>"),
            ("我住在北京市朝阳区建国路88号，谢谢", "我住在<address>，谢谢"),
            ("寄到上海市浦东新区世纪大道100号3栋502室。", "寄到<address>。"),
        ] {
            assert_eq!(PiiRules::default().mask(text), masked);
        }
    }

    #[test]
    fn others_stay() {
        for text in ["5 miles down the road", "we have 3 rooms", "我的5号订单", "2 days later", "10 minutes drive", "第3号柜台"] {
            assert_eq!(PiiRules::default().mask(text), text);
        }
    }
}
