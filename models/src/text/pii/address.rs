//! Postal addresses as far as their form shows them: a number with a street word, a post box, a state with its zip code, a
//! British or Canadian postcode, a Chinese chain of district, road and number. Towns and streets alone are not found.

use super::{Found, PiiType, certainty};
use regex::Regex;
use std::sync::LazyLock;

const STATES: &str = "A[LKZRAEP]|C[AOT]|D[EC]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[TAI]|W[AVIY]|GU";

static WESTERN: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        r"(?-u:\b)[0-9]{1,5}[A-Za-z]?,? (?:<Word> ){1,4}<Street>(?-u:\b)\.?<Unit>?<Town>?",
        r"(?-u:\b)[0-9]{1,5}[a-z]? (?:<lower>+ ){1,2}(?:street|avenue|ave|road|rd|boulevard|blvd|lane)(?-u:\b)<Unit>?",
        concat!(
            r"(?-u:\b)<Upper><lower>*(?:straße|strasse|str\.|weg|platz|allee|gasse|damm|ufer|straat|laan|plein|gracht|",
            r"kade|gatan|vägen|gade|vej|veien|gata|katu|tie) [0-9]{1,4} ?[a-z]?(?-u:\b)<Post>?",
        ),
        concat!(
            r"(?-u:\b)<Upper><Letter>* (?:Straße|Strasse|Str\.|Weg|Platz|Allee|Gasse|Ring|Damm|",
            r"Ufer) [0-9]{1,4} ?[a-z]?(?-u:\b)<Post>?",
        ),
        concat!(
            r"(?-u:\b)[0-9]{1,4}(?: ?(?:bis|ter|BIS|TER))?,? (?:[Rr]ue|RUE|[Aa]venue|[Bb]oulevard|[Bb]d|[Aa]llée|",
            r"[Ii]mpasse|[Cc]hemin|[Qq]uai|[Rr]oute|[Pp]lace|[Cc]ours) (?:de la |de l'|de |du |des |la |le |les |",
            r"l'|d')?<Upper><Letter>*(?: (?:de |du |des )?<Upper><Letter>*){0,3}<Post>?",
        ),
        concat!(
            r"(?-u:\b)(?:Calle|C/|Avenida|Avda\.?|Av\.|Plaza|Paseo|Camino|Carretera|Ronda|Rua|Travessa|Via|Viale|Piazza|",
            r"Corso|Largo|Vicolo|Strada|Ulica|ul\.|al\.) ?(?:de la |de los |de |del |della |dei |do |da |dos |",
            r"la )?<Upper><Letter>*(?: (?:de |del |la |di |da |do |y ){0,2}<Upper><Letter>*){0,3},? (?:nº|n\.|n°|",
            r"#)? ?[0-9]{1,5}[A-Za-z]?(?-u:\b)",
        ),
        concat!(
            r"(?-u:\b)[Pp]\.? ?[Oo]\.? ?[Bb][Oo][Xx]:? ?[0-9]{1,6}|(?-u:\b)[Pp]ostfach [0-9]{1,6}|",
            r"(?-u:\b)[Aa]partado(?: de correos)? [0-9]{1,6}|(?-u:\b)[Bb]oîte postale [0-9]{1,6}",
        ),
        concat!(
            r"(?-u:\b)(?i-u:psc|unit|",
            r"cmr) [0-9]{1,5},? (?i-u:box) [0-9]{1,5}(?:[ \n\r]{1,2}(?i-u:[adf]po,? a[aep]),? [0-9]{5})?|",
            r"(?-u:\b)[ADF]PO,? A[AEP],? [0-9]{5}(?-u:\b)",
        ),
        r"(?-u:\b)<Upper><Letter>+(?: <Upper><Letter>+){0,2},? (?:<State>),? [0-9]{5}(?:-[0-9]{4})?(?-u:\b)",
        concat!(
            r"(?-u:\b)(?:[BEGLMNSW]|[A-Z]{2})[0-9][A-Z0-9]? [0-9][ABD-HJLNP-UW-Z]{2}(?-u:\b)|",
            r"(?-u:\b)[ABCEGHJ-NPRSTVXY][0-9][A-Z] [0-9][A-Z][0-9](?-u:\b)",
        ),
    ];
    patterns
        .iter()
        .map(|pattern| Regex::new(&spell_out(pattern)).expect("a fixed pattern compiles"))
        .collect()
});

/// Puts the shared pieces in. Letters are those of the scripts with two bytes a letter at most (Latin, Greek, Cyrillic), so
/// that the automatons stay small.
fn spell_out(pattern: &str) -> String {
    const PIECES: [(&str, &str); 9] = [
        ("<Word>", r"(?:<Upper><Letter>*|[0-9]{1,3}(?:st|nd|rd|th|ST|ND|RD|TH))"),
        (
            "<Street>",
            concat!(
                r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Square|Sq|Place|Pl|Terrace|",
                r"Tce|Way|Highway|Hwy|Parkway|Pkwy|Crescent|Cres|Close|Gardens|Row|Circle|Cir|Trail|Walk|Grove|Mews|",
                r"Parade|Esplanade|Quay|Turnpike|Alley|Loop|Plaza|Ridge|Hill)",
            ),
        ),
        (
            "<Unit>",
            r"(?:,?[ \n\r]{1,3}(?i-u:apt|apartment|suite|unit|flat|floor|fl|ste|room|rm|#)\.? ?#?[0-9]{1,5}[A-Za-z]?(?-u:\b))",
        ),
        (
            "<Town>",
            concat!(
                r"(?:,?[ \n\r]{1,3}<Upper><Letter>+(?: <Upper><Letter>+){0,2},?[ \n\r]{1,2}",
                r"(?:(?:<State>)[ \n\r]{1,2})?[0-9]{4,5}(?:-[0-9]{4})?(?-u:\b))",
            ),
        ),
        ("<Post>", r"(?:,?[ \n\r]{1,2}[0-9]{4,5} <Upper><Letter>+)"),
        ("<State>", STATES),
        (
            "<Upper>",
            r"[A-Z\u{c0}-\u{de}\u{100}-\u{17f}\u{370}-\u{3ab}\u{400}-\u{42f}]",
        ),
        ("<Letter>", r"[A-Za-z\u{c0}-\u{24f}\u{370}-\u{52f}'.-]"),
        ("<lower>", r"[a-z\u{df}-\u{24f}\u{3ac}-\u{3ce}\u{430}-\u{45f}'-]"),
    ];
    PIECES.iter().fold(pattern.to_owned(), |pattern, (name, piece)| {
        pattern.replace(name, piece)
    })
}

const NUMERALS: &str = "一二三四五六七八九十百";
const CHAIN_BYTES_MAX: usize = 150;

/// What follows the first number of a Chinese address.
static DOORS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("号|號|弄|栋|棟|幢|座|楼|樓|室").expect("a fixed pattern compiles"));

static CHINESE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = concat!(
        r"(?:<Han>{2,10}(?:省|市|区|區|县|縣|州|镇|鎮|乡|鄉|村|街道)){0,5}<Han>{2,10}(?:路|街|大道|道|巷|弄|胡同|村|里|小区|社区|花园|苑|园|公寓|",
        r"大厦|广场)(?:<Han>{0,2}段)?<First>(?:[ ,-]?<Han>{0,8}<Part>){0,5}(?:[0-9]{2,4}(?-u:\b))?",
    )
        .replace("<First>", "(?:[0-9]{1,5}(?:号楼|號樓|号院|号|號|弄|栋|棟|幢|座|楼|樓|室)|[一二三四五六七八九十百]{1,4}(?:号|號))")
        .replace("<Part>", "(?:(?:[0-9]{1,5}|[一二三四五六七八九十百]{1,4}|[A-Za-z])(?:号楼|號樓|号院|号|號|弄|栋|棟|幢|座|单元|單元|楼|樓|层|層|室|房))")
        .replace("<Han>", r"[\u{4e00}-\u{9fff}]");
    Regex::new(&pattern).expect("a fixed pattern compiles")
});

/// Words that stand before an address in a sentence and are no part of it.
#[rustfmt::skip]
const LEADS: [&str; 22] = [
    "地址是", "地址为", "地址", "住在", "寄到", "送到", "发到", "寄往", "改成", "改为", "改到", "住址", "位于", "还有", "拿去", "不远处", "后面",
    "住", "在", "到", "去", "是",
];
/// Words that stand between a number and `road` when it is no address: `5 miles down the road`.
#[rustfmt::skip]
const NOT_STREETS: [&str; 18] = [
    "the", "down", "miles", "minutes", "years", "days", "hours", "cars", "people", "more", "times", "and",
    "off", "this", "that", "different", "lane", "road",
];

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut push = |start, end| {
        found.push(Found {
            start,
            end,
            kind: PiiType::Address,
            certainty: certainty::ADDRESS,
        })
    };
    let western = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    for m in WESTERN
        .iter()
        .filter(|_| western)
        .flat_map(|pattern| pattern.find_iter(text))
    {
        let words = m.as_str().split(' ').skip(1);
        let inner = words.clone().count().saturating_sub(1);
        // `B8 4GB` is a memory size.
        let size = m.as_str().ends_with("GB") || m.as_str().ends_with("TB");
        if !size && !words.take(inner).any(|word| NOT_STREETS.contains(&word)) {
            push(m.start(), m.end());
        }
    }
    let mut done = 0;
    for door in DOORS.find_iter(text) {
        let numbered = text[..door.start()].ends_with(|c: char| c.is_ascii_digit() || NUMERALS.contains(c));
        if !numbered || door.start() < done {
            continue;
        }
        // The chain around a door number, within bounds.
        let from = text
            .floor_char_boundary(door.start().saturating_sub(CHAIN_BYTES_MAX))
            .max(done);
        let to = text.floor_char_boundary((door.end() + CHAIN_BYTES_MAX).min(text.len()));
        let Some(m) = CHINESE
            .find_iter(&text[from..to])
            .find(|m| from + m.end() > door.start())
        else {
            continue;
        };
        // It begins after the last lead in its first words; digits end that part.
        let head = m.as_str().find(|c: char| c.is_ascii_digit()).unwrap_or(m.len());
        let head = &m.as_str()[..head];
        let lead = LEADS
            .iter()
            .filter_map(|lead| head.rfind(lead).map(|at| at + lead.len()))
            .max();
        done = from + m.end();
        push(from + m.start() + lead.unwrap_or(0), done);
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
        for text in [
            "5 miles down the road",
            "we have 3 rooms",
            "我的5号订单",
            "2 days later",
            "10 minutes drive",
            "第3号柜台",
            "空调得弄一弄",
            "这个东苑一楼",
            "V8 4GB",
        ] {
            assert_eq!(PiiRules::default().mask(text), text);
        }
    }
}
