//! The words around a number that tell what it is: `phone`, `订单`. Only what stands close by counts, and of a word for
//! and a word against the nearer one.

const BEFORE_BYTES: usize = 56;
const AFTER_BYTES: usize = 14;

/// What the surroundings say about a number being a phone's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Yes,
    No,
    Nothing,
}

#[rustfmt::skip]
const PHONE: &[&str] = &[
    "phone", "phones", "telephone", "tel", "tele", "cell", "cellphone", "mobile", "mob", "call", "calling", "called",
    "dial", "dialed", "reach", "ring", "text", "sms", "whatsapp", "fax", "hotline", "landline", "contact",
    "answering", "ph", "cellular", "handy", "telefon", "telefonnummer", "handynummer", "rufnummer", "mobilnummer",
    "mobil", "téléphone", "tél", "telefax", "portable", "appeler", "appelez", "joindre", "teléfono", "telefono",
    "móvil", "movil", "celular", "llamar", "llame", "llámame", "telefone", "telemóvel", "cellulare", "chiamare",
    "telefoon", "telefoonnummer", "mobiel", "gsm", "puhelin", "telefonnr", "ring", "тел", "телефон", "телефону",
    "моб", "мобильный", "позвоните", "звоните", "电话", "手机", "致电", "拨打", "联系方式", "联系我", "传真", "座机", "热线", "電話", "手機",
    "聯絡", "携帯", "전화", "휴대폰", "연락처", "핸드폰", "טלפון", "נייד", "هاتف", "جوال", "फोन", "मोबाइल", "โทร", "微信", "打给我", "打到",
    "本人号码", "我的号码", "my number", "number to call",
];
#[rustfmt::skip]
const PHONE_AFTER: &[&str] = &[
    "office", "fax", "home", "cell", "mobile", "work", "phone", "tel", "main", "手机", "电话", "座机", "whatsapp", "direct",
    "mob",
];
#[rustfmt::skip]
const OTHER: &[&str] = &[
    "order", "orders", "invoice", "ticket", "case", "ref", "reference", "booking", "confirmation", "tracking",
    "serial", "sku", "part", "policy", "parcel", "package", "shipment", "shipping", "transaction", "txn", "account",
    "acct", "item", "id", "code", "pin", "otp", "price", "amount", "total", "cost", "costs", "paid", "pay", "model",
    "version", "ver", "imei", "isbn", "ean", "upc", "barcode", "batch", "asin", "receipt", "claim", "incident",
    "request", "bestellung", "bestellnummer", "rechnung", "auftrag", "commande", "facture", "pedido", "factura",
    "ordine", "fattura", "bestelling", "заказ", "订单", "单号", "訂單", "單號", "运单", "快递", "物流", "编号", "編號", "验证码", "价格",
    "金额", "型号", "工单", "流水号", "注文", "주문", "kb", "error", "build", "port", "card", "卡号",
];

/// Words that may stand between the name of a number and the number: `order number is 12`.
#[rustfmt::skip]
const LINKS: &[&str] = &[
    "no", "number", "numbers", "nr", "num", "is", "id", "code", "was", "nummer", "numéro", "número", "numero",
];

/// Whether the words around `start..end` call it a phone number. No only if it is directly named as something else.
pub(super) fn phone(text: &str, start: usize, end: usize) -> Says {
    let window = before(text, start);
    let (yes, no) = (last_mention(&window, PHONE), last_mention(&window, OTHER));
    if let Some(no) = no.filter(|&no| yes.is_none_or(|yes| yes < no)) {
        let direct = is_link(&window[no..], LINKS) && !window[no..].contains(['.', ',', ';', '\n']);
        return if direct { Says::No } else { Says::Nothing };
    }
    if yes.is_some() || last_mention(&after(text, end), PHONE_AFTER).is_some() {
        Says::Yes
    } else {
        Says::Nothing
    }
}

/// Whether nothing but `words` and the characters of `号码是` stands between the name of a number and the number.
pub(super) fn is_link(between: &str, words: &[&str]) -> bool {
    let mut inner = between
        .split(|c: char| !is_spaced_letter(c))
        .filter(|word| !word.is_empty());
    inner.all(|word| words.contains(&word))
        && !between.contains(|c| is_unspaced(c) && !"号號码碼是为為的编編：".contains(c))
}

/// Whether one of `words` stands close before `start`.
pub(super) fn mentions(text: &str, start: usize, words: &[&str]) -> bool {
    last_mention(&before(text, start), words).is_some()
}

/// Whether `start..end` is all there is in its line.
pub(super) fn is_own_line(text: &str, start: usize, end: usize) -> bool {
    let line_start = text[..start]
        .rfind(|c: char| c != ' ')
        .is_none_or(|at| text.as_bytes()[at] == b'\n');
    let next = text[end..].trim_start_matches([' ', '\r']).bytes().next();
    line_start && start > 0 && next.is_none_or(|byte| byte == b'\n')
}

/// The text close before `start`, in lower case.
pub(super) fn before(text: &str, start: usize) -> String {
    text[text.floor_char_boundary(start.saturating_sub(BEFORE_BYTES))..start].to_lowercase()
}

fn after(text: &str, end: usize) -> String {
    text[end..text.floor_char_boundary((end + AFTER_BYTES).min(text.len()))].to_lowercase()
}

/// Where the last of `words` in `window` ends. Words of scripts with spaces count only as whole words.
pub(super) fn last_mention(window: &str, words: &[&str]) -> Option<usize> {
    let pairs = Pairs::of(window);
    let held = words.iter().filter(|word| pairs.may_hold(word));
    held.filter_map(|word| last_of(window, word)).max()
}

/// Which pairs of neighbouring bytes a window has, hashed: nearly every word of a long list is told to be absent by its
/// first and last pair, without a search.
struct Pairs([u64; 16]);

impl Pairs {
    fn of(window: &str) -> Self {
        let mut pairs = [0; 16];
        for pair in window.as_bytes().windows(2) {
            let bit = Self::bit(pair[0], pair[1]);
            pairs[bit / 64] |= 1 << (bit % 64);
        }
        Self(pairs)
    }

    const fn bit(a: u8, b: u8) -> usize {
        (a as usize * 37 + b as usize) % 1024
    }

    fn may_hold(&self, word: &str) -> bool {
        let has = |bit: usize| self.0[bit / 64] & (1 << (bit % 64)) != 0;
        match word.as_bytes() {
            [a, b, .., y, z] => has(Self::bit(*a, *b)) && has(Self::bit(*y, *z)),
            [a, b, ..] => has(Self::bit(*a, *b)),
            _ => true,
        }
    }
}

fn last_of(window: &str, word: &str) -> Option<usize> {
    let mut to = window.len();
    while let Some(at) = window[..to].rfind(word) {
        let end = at + word.len();
        let spaced = word.chars().next_back().is_some_and(is_spaced_letter);
        let joined = spaced
            && (window[..at].chars().next_back().is_some_and(is_spaced_letter)
                || window[end..].chars().next().is_some_and(is_spaced_letter));
        if !joined {
            return Some(end);
        }
        to = at;
    }
    None
}

/// A letter of a script that puts spaces between words.
pub(super) fn is_spaced_letter(c: char) -> bool {
    c.is_alphabetic() && !is_unspaced(c)
}

/// A character of a script without spaces between words (Chinese, Japanese, Korean particles, Thai), which ends a number
/// or a name as a space would.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{3000}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}
