//! Personal data in text: where it stands ([`PiiRules::find`]) and the text without it ([`PiiRules::mask`]). Pure, total,
//! deterministic, in linear time. Rules only, so names and addresses are found where their form or the words around them
//! give them away; a bare name in a sentence ("Anna said so") is out of reach.

mod address;
mod card;
mod checksums;
mod context;
mod documents;
mod email;
mod iban;
mod name;
mod name_words;
mod name_zh;
mod national;
mod network;
mod number;
mod phone;
mod phone_codes;
mod pseudonym;
mod resolve;
mod rules;
mod secret;
#[cfg(test)]
mod tests;
mod tokens;
mod view;

pub use rules::{PiiRuleError, PiiRules};
#[cfg(test)]
pub(crate) use tests::pieces;
pub(super) use view::without_pseudonyms;

/// What a piece of personal data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PiiType {
    /// E-mail address (RFC 5321 and 6531), also written as `name (at) host (dot) com`.
    Email,
    /// Phone or fax number, international or national, with its extension.
    Phone,
    /// Payment card number (ISO/IEC 7812) that passes the Luhn check.
    Card,
    /// International bank account number (ISO 13616) with the right length and check digits.
    Iban,
    /// Number of a person in a state's books: identity, tax, social security, health; passport or driving licence.
    NationalId,
    /// IP address, version 4 or 6, or a hardware (MAC) address.
    Ip,
    /// A secret: a URL that carries one, an API key, a JSON Web Token, a crypto wallet.
    UrlSecret,
    /// An order number, as the project declared its form.
    OrderNumber,
    /// A person's name where the words around it say so.
    Name,
    /// A postal address or a part that leads to a door: street and number, post box, postcode.
    Address,
}

impl PiiType {
    /// All types, in order.
    pub const ALL: [Self; 10] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::NationalId,
        Self::Ip,
        Self::UrlSecret,
        Self::OrderNumber,
        Self::Name,
        Self::Address,
    ];

    /// The stable name: in placeholders (`<email>`), profiles and project files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::NationalId => "national_id",
            Self::Ip => "ip",
            Self::UrlSecret => "url_secret",
            Self::OrderNumber => "order_number",
            Self::Name => "name",
            Self::Address => "address",
        }
    }

    /// The type with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A piece of personal data in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PiiSpan {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// What it is.
    pub kind: PiiType,
}

/// What one finder proposes, in bytes of the view. Where proposals overlap, the more certain one is taken, then the longer.
#[derive(Clone, Copy, Debug)]
struct Found {
    start: usize,
    end: usize,
    kind: PiiType,
    certainty: u8,
}

/// How sure the finders are, from context alone up to long checksums.
mod certainty {
    pub(super) const ADDRESS: u8 = 10;
    pub(super) const NAME: u8 = 12;
    pub(super) const DOCUMENT: u8 = 30;
    pub(super) const PHONE_BY_CONTEXT: u8 = 40;
    pub(super) const PHONE: u8 = 50;
    pub(super) const PHONE_EXTENDED: u8 = 60;
    pub(super) const IP: u8 = 55;
    pub(super) const NATIONAL_ID: u8 = 80;
    /// More than an id: twelve digits within a card's can pass for one.
    pub(super) const CARD: u8 = 81;
    /// With its `+`, which no card or id has.
    pub(super) const PHONE_INTERNATIONAL: u8 = 82;
    /// Birthday and a check digit modulo 11, in eighteen digits.
    pub(super) const CHINESE_ID: u8 = 84;
    pub(super) const IBAN: u8 = 85;
    pub(super) const ORDER_NUMBER: u8 = 90;
    pub(super) const EMAIL: u8 = 95;
    pub(super) const SECRET: u8 = 100;
}
