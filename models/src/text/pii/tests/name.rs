//! Names where the words around them say so.

use crate::text::pii::PiiRules;

#[test]
fn the_words_are_in_order() {
    use crate::text::pii::name_words::NOT_NAMES;
    assert!(NOT_NAMES.windows(2).all(|pair| pair[0] < pair[1]), "sort them");
}

#[test]
fn where_words_say_so() {
    for (text, masked) in [
        ("My name is Maria van der Berg and I", "My name is <name> and I"),
        ("my name is maria.", "my name is <name>."),
        ("I’m Jane Example, hi", "I’m <name>, hi"),
        ("Dear Jane,\nthanks", "Dear <name>,\nthanks"),
        ("Kind regards,\nJane Q. Example\n", "Kind regards,\n<name>\n"),
        ("ask Mr. O'Hara or Dr. Li", "ask Mr. <name> or Dr. <name>"),
        ("Name: Jane Example", "Name: <name>"),
        ("Ich heiße Jörg Müller", "Ich heiße <name>"),
        ("Mr. John St. Example", "Mr. <name>"),
    ] {
        assert_eq!(PiiRules::default().mask(text), masked);
    }
}

#[test]
fn other_words_stay() {
    for text in [
        "my name is wrong on the card",
        "I'm Interested in it",
        "Dear Customer,",
        "Dear Sir or Madam,",
        "hi there,",
        "I miss you",
        "this is a test",
        "Thanks\nfor your help",
        "I am German",
        "asked Dr. I've checked",
        "Product Name: Widget",
        "MS Office",
    ] {
        assert_eq!(PiiRules::default().mask(text), text);
    }
}
