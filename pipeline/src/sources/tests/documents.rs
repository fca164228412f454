//! Files without rows of their own: mails, pages, chats and texts.

use std::time::Instant;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Case, Outcome, csv};
use crate::project::Format;

fn case(format: Format) -> Case {
    Case {
        format,
        csv: None,
        encoding: "",
        ..csv()
    }
}

/// The value of a column in a row; `-` for null.
fn value(outcome: &Outcome, row: usize, column: &str) -> String {
    let index = outcome.columns.iter().position(|name| name == column).unwrap();
    outcome.rows[row][index].clone().unwrap_or("-".into())
}

#[test]
fn a_mail_comes_whole() {
    let mail = "From: =?UTF-8?B?5p6X6Zye?= <lin@example.com>\r\nTo: a@example.com, B <b@example.com>\r\n\
        Subject: Re: =?gb2312?B?zcu/7g==?=\r\nDate: Fri, 2 Jan 2026 03:00:52 +0800\r\nMessage-ID: <2@x>\r\n\
        References: <0@x> <1@x>\r\nIn-Reply-To: <1@x>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n\r\none \r\ntwo\r\n> quoted\r\n-- \r\nLin\r\n\
        --b\r\nContent-Type: image/png; name*=utf-8''%E5%9B%BE.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ntext\r\n--b--\r\n";
    let outcome = case(Format::Mail).land(mail.as_bytes());
    let expected = [
        ("message_id", "2@x"),
        ("in_reply_to", "1@x"),
        ("references", "0@x 1@x"),
        ("thread_id", "0@x"),
        ("sent_at", "2026-01-01T19:00:52Z"),
        ("from_name", "林霞"),
        ("from_address", "lin@example.com"),
        ("to", "a@example.com, b@example.com"),
        ("cc", "-"),
        ("subject", "Re: 退款"),
        ("body", "one two\n> quoted\n-- \nLin"),
        ("reply", "one two"),
        ("body_html", "false"),
    ];
    for (column, wanted) in expected {
        assert_eq!(value(&outcome, 0, column), wanted, "{column}");
    }
    let attachments = value(&outcome, 0, "attachments");
    assert!(
        attachments.contains(r#""name":"图.png","type":"image/png","bytes":3"#),
        "{attachments}"
    );
    assert!(attachments.contains(r#""type":"message/rfc822""#), "{attachments}");
    assert!(attachments.contains(r#""subject":"inner""#), "{attachments}");
    let headers = value(&outcome, 0, "headers");
    assert!(
        headers.contains(r#"{"name":"Subject","value":"Re: 退款"}"#),
        "{headers}"
    );
    assert!(
        headers.contains(r#"{"name":"From","value":"林霞 <lin@example.com>"}"#),
        "{headers}"
    );
}

#[test]
fn an_mbox_is_cut_into_its_messages() {
    let mbox = "From a@x Fri Jan  2 03:00:52 2026\nSubject: one\n\nFrom here on\n\n>From me\n\
        \nFrom b@x Fri Jan  2 03:01:52 2026\nSubject: Re: one\n\nFrom there\n\
        \nFrom c@x Fri Jan  2 03:02:52 2026\nno header\n";
    let outcome = case(Format::Mail).land(mbox.as_bytes());
    assert_eq!(value(&outcome, 0, "body"), "From here on\n\nFrom me");
    assert_eq!(value(&outcome, 1, "body"), "From there");
    assert_eq!(value(&outcome, 0, "thread_id"), value(&outcome, 1, "thread_id"));
    assert_eq!(outcome.places.iter().map(|place| place[1]).collect::<Vec<_>>(), [1, 8]);
    assert_eq!(outcome.shown_rejects(), ["mail 13 no header\n"]);
}

#[test]
fn a_mail_that_is_too_long_takes_no_neighbour_with_it() {
    let from = "From a@x Fri Jan  2 03:00:52 2026\n";
    let mbox = format!(
        "{from}Subject: long\n\n{}\n{from}Subject: short\n\nhi\n",
        "text\n".repeat(100)
    );
    let outcome = case(Format::Mail).row_max_bytes(100).land(mbox.as_bytes());
    assert_eq!(outcome.rows.len(), 1);
    assert_eq!(value(&outcome, 0, "subject"), "short");
    assert_eq!(outcome.rejects[0].rule, "row_max_bytes");
}

#[test]
fn mails_in_old_encodings_without_a_word_about_it_are_read() {
    let text = "主题：订单退款\n\n您好，我的订单还没有收到，请尽快处理退款，谢谢。";
    let (bytes, _, _) = encoding_rs::GB18030.encode(text);
    let mail = [b"Subject: ".as_slice(), &bytes].concat();
    let outcome = case(Format::Mail).land(&mail);
    assert_eq!(value(&outcome, 0, "subject"), "主题：订单退款");
    assert_eq!(
        value(&outcome, 0, "body"),
        "您好，我的订单还没有收到，请尽快处理退款，谢谢。"
    );
}

#[test]
fn messages_within_messages_are_bounded() {
    for type_name in ["message/rfc822", "message / RFC822"] {
        let mail = format!("Content-Type: {type_name}\n\n").repeat(20_000);
        let outcome = case(Format::Mail).land(mail.as_bytes());
        assert_eq!(outcome.rejects.len(), 1);
    }
    let parts = "Content-Type: multipart/mixed; boundary=b\n\n--b\n".repeat(20_000);
    let outcome = case(Format::Mail).land(parts.as_bytes());
    assert_eq!(outcome.landed.rows + outcome.landed.rejects, 1);
}

const PAGE: &str = "<html lang=zh><head><meta charset=utf-8><title>退款 | 小店</title>\
    <meta name=description content='怎么退款'><link rel=canonical href='https://example.com/refund'></head>\
    <body><nav>首页</nav><main><h1>退款</h1><p>三天内<b>退</b>款。</p><h2>步骤</h2><ol><li>打开<a href=/orders>订单</a>\
    <li>点退款</ol></main><footer>条款</footer><script>var a = '<p>x'</script></body></html>";

#[test]
fn a_short_page_comes_whole() {
    let outcome = case(Format::Html).land(PAGE.as_bytes());
    let expected = [
        ("text", "退款\n三天内退款。\n步骤\n打开订单\n点退款"),
        ("headings", r#"[{"level":1,"text":"退款"},{"level":2,"text":"步骤"}]"#),
        ("links", r#"[{"text":"订单","href":"/orders"}]"#),
        ("language", "zh"),
        ("description", "怎么退款"),
        ("url", "https://example.com/refund"),
    ];
    for (column, wanted) in expected {
        assert_eq!(value(&outcome, 0, column), wanted, "{column}");
    }
    let without_main = PAGE.replace("main>", "div>");
    let outcome = case(Format::Html).land(without_main.as_bytes());
    assert_eq!(value(&outcome, 0, "text"), "退款\n三天内退款。\n步骤\n打开订单\n点退款");
}

#[test]
fn a_page_names_its_encoding() {
    let page = PAGE.replace("charset=utf-8", "charset=gbk");
    let (bytes, _, _) = encoding_rs::GBK.encode(&page);
    let outcome = case(Format::Html).land(&bytes);
    assert!(value(&outcome, 0, "text").starts_with("退款\n三天内"));
}

#[test]
fn hostile_pages_end_in_time() {
    let pages = [
        "<div>".repeat(100_000),
        format!("{}text{}", "<div>".repeat(100_000), "</div>".repeat(100_000)),
        "<b><p>".repeat(50_000),
        "<a href=x>y".repeat(50_000),
        "<br>x".repeat(100_000),
        "<br>".repeat(100_000),
        "<table><tr><td>".repeat(30_000),
        format!("<p {}>x", (0..100_000).map(|n| format!("a{n} ")).collect::<String>()),
        format!(
            "<script type='application/ld+json'>{}</script><p>x",
            "[".repeat(200_000)
        ),
        format!(
            "<script type='application/ld+json'>{}</script><p>x",
            "{\"@graph\":".repeat(20_000)
        ),
        "<!--".repeat(50_000),
        "<p>text, more text, and more".repeat(20_000),
        "<svg><foreignObject>".repeat(30_000),
    ];
    for page in pages {
        let start = Instant::now();
        let outcome = case(Format::Html).row_max_bytes(4 << 20).land(page.as_bytes());
        assert_eq!(outcome.landed.rows + outcome.landed.rejects, 1);
        let seconds = start.elapsed().as_secs_f64();
        let start: String = page.chars().take(40).collect();
        assert!(seconds < 30.0, "{seconds} s for {start}");
        if seconds > 1.0 {
            eprintln!("{seconds:.1} s for {start}");
        }
    }
}

#[test]
fn a_chat_is_a_row_a_turn() {
    let chat = "exported\n10:11 Anna: hi\nsecond line\n\n10:12 客服小王: 您好\n--- chat 12 ---\n10:13 Bo: yes\n";
    let outcome = case(Format::Chat).land(chat.as_bytes());
    let expected = [
        "input|0|10:11|Anna|hi\nsecond line",
        "input|1|10:12|客服小王|您好",
        "chat 12|0|10:13|Bo|yes",
    ];
    assert_eq!(outcome.shown(), expected);
    assert_eq!(outcome.shown_rejects(), ["chat 1 exported"]);
    let headed = "客服小王 2024-01-02 10:11:12\n您好：请问\n订单？\n\n顾客 2024-01-02 10:11:20\n在\n";
    let outcome = case(Format::Chat).land(headed.as_bytes());
    assert_eq!(
        outcome.shown(),
        [
            "input|0|2024-01-02 10:11:12|客服小王|您好：请问\n订单？",
            "input|1|2024-01-02 10:11:20|顾客|在"
        ]
    );
}

#[test]
fn a_bad_line_spoils_its_turn_alone() {
    let chat = b"A: one\nB: t\xffwo\nA: three\nB: fo\0ur\nA: five\n".as_slice();
    let outcome = case(Format::Chat).encoded_in("UTF-8").land(chat);
    assert_eq!(
        outcome.shown(),
        ["input|0|-|A|one", "input|2|-|A|three", "input|4|-|A|five"]
    );
}

#[test]
fn markdown_is_read_as_plain_text() {
    let page = "---\ntitle: \"Refunds\"\nlang: en\n---\n# Refund *now*\n\nOpen [orders](/orders \"x\"), `code` it.\n\n\
        - one\n- two\n\n| a | b |\n|---|---|\n| c | d |\n\n<div>html</div>\n";
    let outcome = case(Format::Markdown).land(page.as_bytes());
    assert_eq!(value(&outcome, 0, "title"), "Refunds");
    assert_eq!(value(&outcome, 0, "language"), "en");
    assert_eq!(value(&outcome, 0, "headings"), r#"[{"level":1,"text":"Refund now"}]"#);
    assert_eq!(value(&outcome, 0, "links"), r#"[{"text":"orders","href":"/orders"}]"#);
    assert_eq!(
        value(&outcome, 0, "text"),
        "Refund now\nOpen orders, code it.\none\ntwo\na b\nc d\nhtml"
    );
    let deep = "> ".repeat(100_000) + &"[".repeat(100_000) + &"*a_".repeat(50_000);
    assert_eq!(case(Format::Markdown).land(deep.as_bytes()).rows.len(), 1);
}

#[test]
fn a_text_is_a_row() {
    let outcome = case(Format::Text).land(b"\xef\xbb\xbfhi\nthere\n");
    assert_eq!(outcome.shown(), ["hi\nthere\n|input"]);
    let rule = |bytes: &[u8]| case(Format::Text).row_max_bytes(64).land(bytes).rejects[0].rule.clone();
    assert_eq!(rule(b"  \n"), "empty");
    assert_eq!(rule(b"a\0b"), "nul");
    assert_eq!(rule(&[b'a'; 65]), "row_max_bytes");
    assert_eq!(
        case(Format::Text).encoded_in("UTF-8").land(b"a\xff").rejects[0].rule,
        "encoding"
    );
}

const SEEDS: [&str; 4] = [
    "From a@x Fri Jan  2 03:00:52 2026\nSubject: =?utf-8?q?a?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n",
    PAGE,
    "[10:11] Anna: hi\nmore\n--- chat 1 ---\n[10:12] Bo (x): 您好\n",
    "---\ntitle: a\n---\n# b\n[c](d) <p>e\n| f |\n|---|\n",
];
const FORMATS: [Format; 5] = [Format::Mail, Format::Html, Format::Chat, Format::Text, Format::Markdown];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_rows_or_rejects(bytes in vec(any::<u8>(), 0..300), format in prop::sample::select(FORMATS.to_vec())) {
        let outcome = case(format).row_max_bytes(200).land(&bytes);
        let count = outcome.landed.rows + outcome.landed.rejects;
        if format == Format::Chat { prop_assert!(count > 0) } else if format != Format::Mail { prop_assert_eq!(count, 1) }
    }

    #[test]
    fn mutated_files_are_rows_or_rejects(
        seed in prop::sample::select(SEEDS.to_vec()),
        format in prop::sample::select(FORMATS.to_vec()),
        changes in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut bytes = seed.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let outcome = case(format).encoded_in("UTF-8").land(&bytes);
        prop_assert!(outcome.landed.rows + outcome.landed.rejects > 0);
    }

    #[test]
    fn an_mbox_has_a_row_or_reject_a_message(bodies in vec("[a-z>\n ]{0,40}", 1..10)) {
        let from = "From a@x Fri Jan  2 03:00:52 2026\n";
        let mbox: String = bodies.iter().map(|body| format!("{from}Subject: s\n\n{body}\n\n")).collect();
        let outcome = case(Format::Mail).land(mbox.as_bytes());
        prop_assert_eq!(outcome.landed.rows, bodies.len() as u64);
    }
}
