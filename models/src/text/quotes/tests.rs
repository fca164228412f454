#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use proptest::prelude::*;

#[test]
fn top_posted_replies() {
    for (body, text) in [
        (
            "It works now.\n\nOn Mon, 3 Mar 2025 at 10:12, Ann <ann@example.com> wrote:\n> Try again\n>> ok\n",
            "It works now.",
        ),
        (
            "Fine.\r\n\r\nOn Mon, 3 Mar 2025 at 10:12, Ann Long Name\r\n<ann@example.com> wrote:\r\n\r\n> Try\r\n",
            "Fine.",
        ),
        ("Danke!\n\nAm 03.03.2025 um 10:12 schrieb Ann:\n> Bitte", "Danke!"),
        (
            "Merci\n\nLe lun. 3 mars 2025 à 10:12, Ann a écrit :\n\n> Bonjour",
            "Merci",
        ),
        ("Sí\n\nEl 3 mar 2025, Ana escribió:\n> hola", "Sí"),
        ("Sì\n\nIl giorno 3 mar 2025 Ana ha scritto:\n> ciao", "Sì"),
        ("Sim\n\nEm 3 de março de 2025, Ana escreveu:\n> oi", "Sim"),
        (
            "Ja\n\nOp 3 maart 2025 om 10:12 schreef Jan <j@example.com>:\n> hoi",
            "Ja",
        ),
        (
            "可以了\n\n在 2025年3月3日，小王 <w@example.com> 写道：\n> 请再试",
            "可以了",
        ),
        (
            "收到\n\n小王 <w@example.com> 于2025年3月3日周一 10:12写道：\n\n请再试一次",
            "收到",
        ),
        ("Done.\n\n-----Original Message-----\nFrom: a\nHello", "Done."),
        (
            "Ok\n\n________________________________\nFrom: Ann\nSent: Monday\nTo: Bob\nSubject: Order\n\nHello Bob",
            "Ok",
        ),
        (
            "好的\n\n------------------ 原始邮件 ------------------\n发件人: 小王\n你好",
            "好的",
        ),
        (
            "好的\n\n发件人：小王\n发送时间：2025年3月3日\n收件人：小李\n主题：订单\n\n你好",
            "好的",
        ),
        (
            "Gut\n\nVon: Ann\nGesendet: Montag\nAn: Bob\nBetreff: Bestellung\n\nHallo",
            "Gut",
        ),
        (
            "Bien\n\n*De :* Ann\n*Envoyé :* lundi\n*À :* Bob\n*Objet :* commande\n\nBonjour",
            "Bien",
        ),
    ] {
        assert_eq!(strip_quotes(body), text, "{body}");
    }
}

#[test]
fn signatures() {
    for (body, text, signature) in [
        (
            "Where is it?\n-- \nAnn\nExample Ltd",
            "Where is it?",
            "-- \nAnn\nExample Ltd",
        ),
        (
            "Where is it?\n\nSent from my iPhone",
            "Where is it?",
            "Sent from my iPhone",
        ),
        ("在哪里？\n\n发自我的iPhone", "在哪里？", "发自我的iPhone"),
        (
            "Where is it?\n\nBest regards,\nAnn Long\nSent from my iPhone",
            "Where is it?",
            "Best regards,\nAnn Long\nSent from my iPhone",
        ),
        (
            "Wo ist es?\n\nMit freundlichen Grüßen\nAnn",
            "Wo ist es?",
            "Mit freundlichen Grüßen\nAnn",
        ),
        ("请处理。\n\n此致\n敬礼\n小王", "请处理。", "此致\n敬礼\n小王"),
        ("Where is it?\nThanks,\nAnn", "Where is it?", "Thanks,\nAnn"),
    ] {
        let reply = split_reply(body);
        assert_eq!(
            (reply.text.as_str(), reply.signature.as_str()),
            (text, signature),
            "{body}"
        );
    }
}

#[test]
fn own_lines_stay() {
    let inline = "On 3 Mar 2025, Ann wrote:\n> Which size?\nLarge.\n\n> Which colour?\nBlue.\n";
    let reply = split_reply(inline);
    assert_eq!(reply.text, "Large.\n\nBlue.");
    assert_eq!(
        reply.quoted,
        "On 3 Mar 2025, Ann wrote:\n> Which size?\n> Which colour?"
    );
    for body in [
        "",
        "Hello,\r\n\r\nwhere is my order?\r\n",
        "Thanks",
        "Best regards",
        "Hi\nThanks\nWhere is my order",
        "From: Berlin\nI want to go to Rome",
        "On 3 May you wrote: it is sent. It is not here.",
        "谢谢\n什么时候发货？",
    ] {
        assert_eq!(strip_quotes(body), body);
    }
    assert!(strip_quotes("-----Original Message-----\nFrom: a\nHello").contains("Hello"));
    assert_eq!(strip_quotes("> only\n> quotes"), "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn nothing_is_lost_or_made_up(
        body in "((> |>|Thanks,|Best regards|-- |On 1 May Ann wrote:|From: x|To: y|Subject: z|Ann|where is it\\?|好的|发自我的手机|----- original message -----| )\n){0,14}|(?s).*"
    ) {
        let reply = split_reply(&body);
        let words = |text: &str| { let mut all: Vec<String> = text.split_whitespace().map(str::to_owned).collect(); all.sort(); all };
        prop_assert_eq!(words(&[reply.text.as_str(), &reply.quoted, &reply.signature].join("\n")), words(&body));
        let has_own = body.lines().any(|line| !line.trim().is_empty() && !is_marked(line) && introduction_len(&[line]) == 0);
        prop_assert!(!has_own || !reply.text.trim().is_empty());
    }
}
