//! What mail programs and people write around quoted mails, in English, Chinese, German, French, Spanish, Italian,
//! Portuguese and Dutch. Tables only, lower case.

/// First words and verbs of the line that introduces a quote: `On Monday, Ann wrote:`.
pub(super) const INTRODUCTIONS: [(&[&str], &[&str]); 8] = [
    (&["on "], &[" wrote", " writes"]),
    (&["am ", "on "], &[" schrieb", " hat geschrieben"]),
    (&["le "], &[" a écrit"]),
    (&["el "], &[" escribió", " escribio", " ha escrito"]),
    (&["il ", "in data "], &[" ha scritto"]),
    (&["em ", "no dia ", "a "], &[" escreveu"]),
    (&["op "], &[" schreef", " heeft geschreven"]),
    (&["den "], &[" skrev"]),
];

/// Ends of an introduction in Chinese and Japanese: `在 2024年1月2日，小王 写道：`.
pub(super) const INTRODUCTION_ENDS: [&str; 6] = ["写道", "寫道", "写到", "寫到", "编写", "のメール"];

/// Between dashes, these head the mail below.
pub(super) const SEPARATORS: [&str; 24] = [
    "original message",
    "original e-mail",
    "original email",
    "forwarded message",
    "ursprüngliche nachricht",
    "originalnachricht",
    "weitergeleitete nachricht",
    "message d'origine",
    "message d’origine",
    "message original",
    "message transféré",
    "mensaje original",
    "mensaje reenviado",
    "messaggio originale",
    "messaggio inoltrato",
    "mensagem original",
    "mensagem encaminhada",
    "oorspronkelijk bericht",
    "doorgestuurd bericht",
    "原始邮件",
    "原始郵件",
    "转发的邮件",
    "回复的原邮件",
    "轉寄郵件",
];

/// Labels of the sender in the block of headers that Outlook and others put above a quote.
pub(super) const SENDER_LABELS: [&str; 11] = ["from", "von", "de", "da", "van", "发件人", "發件人", "寄件者", "寄件人", "差出人", "发信人"];

/// Labels of the lines that follow the sender.
pub(super) const HEADER_LABELS: [&str; 46] = [
    "sent", "date", "to", "cc", "subject", "reply-to", "gesendet", "datum", "an", "betreff", "envoyé", "date d'envoi", "à", "objet", "enviado",
    "enviado el", "fecha", "para", "asunto", "inviato", "data", "a", "oggetto", "enviada", "enviada em", "enviado em", "assunto", "verzonden",
    "aan", "onderwerp", "发送时间", "發送時間", "发送日期", "日期", "时间", "時間", "收件人", "收件者", "抄送", "抄送人", "副本", "主题", "主題", "主旨",
    "件名", "宛先",
];

/// Starts of lines that a mail program signs with.
pub(super) const DEVICE_LINES: [&str; 27] = [
    "sent from my ",
    "sent from yahoo",
    "sent from mail for",
    "sent from outlook",
    "sent via ",
    "sent with ",
    "get outlook for",
    "von meinem ",
    "gesendet von ",
    "gesendet mit ",
    "diese nachricht wurde von meinem",
    "envoyé de mon ",
    "envoyé depuis ",
    "envoyé à partir de",
    "enviado desde ",
    "enviado de mi ",
    "enviado do meu ",
    "enviado a partir do",
    "inviato da ",
    "inviato dal mio",
    "verstuurd vanaf ",
    "verzonden vanaf ",
    "verzonden vanuit ",
    "发自我的",
    "发送自",
    "從我的",
    "傳送自",
];

/// Closings that are never the body of a mail.
pub(super) const CLOSINGS: [&str; 54] = [
    "best regards", "kind regards", "kindest regards", "warm regards", "with kind regards", "with best regards", "regards", "best wishes",
    "sincerely", "sincerely yours", "yours sincerely", "yours faithfully", "yours truly", "respectfully", "thanks and regards",
    "thanks & regards", "mit freundlichen grüßen", "mit freundlichen grüssen", "mit freundlichem gruß", "mit besten grüßen", "mfg",
    "freundliche grüße", "viele grüße", "beste grüße", "liebe grüße", "schöne grüße", "vg", "cordialement", "bien cordialement",
    "bien à vous", "sincères salutations", "meilleures salutations", "saludos", "saludos cordiales", "un saludo", "un cordial saludo",
    "atentamente", "cordiali saluti", "distinti saluti", "cordialmente", "saluti", "atenciosamente", "cumprimentos", "com os melhores cumprimentos",
    "abraços", "met vriendelijke groet", "met vriendelijke groeten", "vriendelijke groet", "groeten", "此致", "此致敬礼", "此致敬禮", "祝好", "顺祝商祺",
];

/// Closings that also stand alone in the body, so that only a name may follow.
pub(super) const WEAK_CLOSINGS: [&str; 18] = [
    "thanks", "thank you", "many thanks", "thanks a lot", "thanks in advance", "thank you very much", "best", "cheers", "all the best",
    "danke", "vielen dank", "merci", "merci d'avance", "gracias", "grazie", "obrigado", "bedankt", "谢谢",
];
