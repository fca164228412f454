//! Words for finding names: those that are none, and the small ones inside names.

/// Words that follow a cue and are no name. Sorted.
#[rustfmt::skip]
pub(super) const NOT_NAMES: &[&str] = &[
    "a", "about", "account", "again", "agent", "all", "also", "am", "amazon", "american", "an", "and", "any", "april",
    "are", "as", "at", "august", "australian", "back", "bank", "been", "being", "best", "bot", "british", "business",
    "but", "buyer", "by", "can", "canadian", "card", "chinese", "client", "colleague", "colleagues", "company",
    "correct", "currently", "customer", "customers", "damen", "dear", "december", "department", "different", "does",
    "dr", "english", "every", "everyone", "february", "folks", "for", "french", "friend", "friends", "from", "german",
    "good", "guys", "has", "he", "hello", "her", "here", "herr", "herren", "hi", "him", "his", "how", "i", "if", "in",
    "incorrect", "indian", "info", "is", "it", "italian", "january", "japanese", "july", "june", "just", "ladies",
    "last", "later", "madam", "madame", "manager", "march", "may", "me", "member", "miss", "missing", "misspelled",
    "monday", "monsieur", "morning", "mr", "mrs", "ms", "my", "name", "no", "not", "november", "now", "number",
    "october", "of", "on", "only", "or", "order", "our", "please", "private", "really", "regarding", "right",
    "saturday", "seller", "september", "server", "she", "showing", "sir", "sirs", "so", "someone", "sorry", "spanish",
    "spelled", "spelt", "still", "sunday", "support", "team", "thank", "thanks", "that", "the", "their", "there",
    "they", "this", "thursday", "to", "too", "tuesday", "unknown", "up", "user", "vous", "was", "we", "wednesday",
    "were", "what", "when", "where", "which", "who", "why", "will", "with", "wrong", "yes", "you", "your", "yours",
];
/// Small words inside a name.
#[rustfmt::skip]
pub(super) const PARTICLES: &[&str] = &[
    "van", "von", "der", "den", "de", "la", "le", "del", "della", "di", "da", "dos", "du", "bin", "al", "el", "ter",
    "zu", "af", "y", "mac", "st.",
];

/// Words after which two capitalised words are a name.
#[rustfmt::skip]
pub(super) const SELF_CUES: &[&str] = &[
    "i'm", "i am", "this is", "ich bin", "je suis", "soy", "sono", "it's", "speaking with", "spoke to", "spoke with",
    "call me", "please call me", "people call me", "everyone calls me", "calls me",
];

/// Words of a greeting.
#[rustfmt::skip]
pub(super) const GREETING_CUES: &[&str] = &[
    "dear", "hi", "hello", "hey", "hallo", "liebe", "lieber", "sehr geehrte", "sehr geehrter", "bonjour", "cher",
    "chère", "hola", "estimado", "estimada", "querido", "querida", "ciao", "caro", "cara", "gentile", "beste",
    "geachte",
];

/// Titles.
#[rustfmt::skip]
pub(super) const TITLE_CUES: &[&str] = &[
    "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "hr", "fr", "sr", "sra", "srta", "dott", "sig", "mme", "mlle",
    "professor", "herr", "frau", "herrn", "monsieur", "madame", "mademoiselle", "señor", "señora", "señorita",
    "signor", "signora", "dottore", "mevrouw", "meneer", "mevr", "dhr", "senhor", "senhora", "dona",
];
