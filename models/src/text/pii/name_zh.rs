//! Chinese names, where a title follows (`李先生`) or the words before say so (`我叫`, `姓名：`), by the table of surnames.

use super::{Found, PiiType, certainty};
use regex::Regex;
use std::sync::LazyLock;

/// Surnames of one character, simplified and traditional.
const SURNAMES: &str = concat!(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾萧肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢",
    "姜崔钟谭陆汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施",
    "文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷",
    "盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜",
    "冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬師師張劉陳楊黃趙吳孫馬羅鄭謝許韓馮鄧蕭葉蘇魏呂盧鐘鍾譚陸賈韋鄒閻雷",
    "龍賀顧龔邵萬錢嚴湯溫齊喬龐顏莊聶魯歐關蘭寧紀單畢蓋",
);
/// Surnames of two characters.
const COMPOUND: [&str; 16] = [
    "欧阳", "歐陽", "上官", "司马", "司馬", "诸葛", "諸葛", "司徒", "东方", "東方", "皇甫", "尉迟", "慕容", "令狐",
    "公孙", "夏侯",
];
/// Surnames that begin many other words, so that `我是` before them promises nothing.
const COMMON_WORDS: &str =
    "高金白方安万石文成全时向路江田龙马黄华老学广钱包关连应解易车温康农古管米单冷游曲谷左党边阳武严简明凌颜牛";
/// Characters that follow a name and hardly end one.
const FOLLOW: &str = "的是在我想要有和从今年住电手联你您说来现也已请问男女先身号码姓";

/// Characters that no given name has.
const NEVER_GIVEN: &str = "的姓们位个是了叫谢请让跟您你我他她吧呢吗和";

/// Plain words only, so that the search runs on many bytes at a time.
static CUES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        "老先生|先生|女士|小姐|太太|我是|我叫|我的名字|名字叫|姓名|收件人|收货人|联系人|寄件人|收貨人|聯絡人|持卡人|",
        "户名|客户名",
    ))
    .expect("a fixed pattern compiles")
});

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut floor = 0;
    for cue in CUES.find_iter(text) {
        let (before, after) = (&text[floor.min(cue.start())..cue.start()], &text[cue.end()..]);
        // `小姐姐` and `谢谢小姐` are no names.
        if after.starts_with('姐') || before.ends_with("谢谢") {
            continue;
        }
        let place = match cue.as_str() {
            "老先生" | "先生" | "女士" | "小姐" | "太太" => {
                before_title(before).map(|start| (cue.start() - before.len() + start, cue.start()))
            }
            "我叫" | "名字叫" => after_cue(after, false).map(|len| (cue.end(), cue.end() + len)),
            "我是" => after_cue(after, true).map(|len| (cue.end(), cue.end() + len)),
            _ => {
                let links = after
                    .strip_prefix(['是', '为', '叫'])
                    .or_else(|| after.strip_prefix("姓名"))
                    .unwrap_or(after);
                let rest = links.trim_start_matches([' ', ':', '：']);
                let linked = rest.len() < after.len() || !matches!(cue.as_str(), "姓名" | "我的名字");
                let start = text.len() - rest.len();
                after_cue(rest, false)
                    .filter(|_| linked && start - cue.end() <= 12)
                    .map(|len| (start, start + len))
            }
        };
        floor = cue.end();
        if let Some((start, end)) = place {
            found.push(Found {
                start,
                end,
                kind: PiiType::Name,
                certainty: certainty::NAME,
            });
        }
    }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}')
}

/// Length of the surname that `text` begins with.
fn surname(text: &str) -> Option<usize> {
    if let Some(two) = COMPOUND.iter().find(|two| text.starts_with(**two)) {
        return Some(two.len());
    }
    text.chars()
        .next()
        .filter(|&c| SURNAMES.contains(c))
        .map(char::len_utf8)
}

/// Where the name begins that `text` ends with: at most three characters, a surname first.
fn before_title(text: &str) -> Option<usize> {
    let starts: Vec<usize> = text
        .char_indices()
        .rev()
        .take(4)
        .take_while(|(_, c)| is_han(*c))
        .map(|(at, _)| at)
        .collect();
    let compound = starts
        .iter()
        .copied()
        .filter(|&at| COMPOUND.iter().any(|two| text[at..].starts_with(two)))
        .max();
    let single = |index: usize| {
        let at = *starts.get(index)?;
        let family = surname(&text[at..])?;
        (!text[at + family..].contains(|c| NEVER_GIVEN.contains(c))).then_some(at)
    };
    let sure = |at: &usize| !text[*at..].starts_with(|c| COMMON_WORDS.contains(c));
    compound
        .or_else(|| single(2).filter(sure))
        .or_else(|| single(1).filter(sure))
        .or_else(|| single(0))
}

/// Length of the name that `text` begins with. After `我是` the name must end the clause.
fn after_cue(text: &str, cautious: bool) -> Option<usize> {
    let family = surname(text)?;
    if cautious && text.starts_with(|c| COMMON_WORDS.contains(c)) {
        return None;
    }
    let given = text[family..]
        .char_indices()
        .take(2)
        .enumerate()
        .take_while(|(place, (_, c))| is_han(*c) && (*place == 0 || !FOLLOW.contains(*c)));
    let given = given.last().map(|(_, last)| last).map(|(at, c)| at + c.len_utf8())?;
    let ended = text[family + given..].chars().next().is_none_or(|c| !is_han(c));
    (!cautious || ended).then_some(family + given)
}

#[cfg(test)]
mod tests {
    use crate::text::pii::PiiRules;

    #[test]
    fn where_words_say_so() {
        for (text, masked) in [
            ("我叫李小明，想退货", "我叫<name>，想退货"),
            ("请联系王女士", "请联系<name>女士"),
            ("欧阳先生您好", "<name>先生您好"),
            ("收件人：张三", "收件人：<name>"),
            ("我是赵敏。", "我是<name>。"),
            ("我叫刘伟的朋友", "我叫<name>的朋友"),
        ] {
            assert_eq!(PiiRules::default().mask(text), masked);
        }
    }

    #[test]
    fn other_words_stay() {
        for text in [
            "我是高级会员",
            "我是白金用户。",
            "你好先生",
            "小姐姐你好",
            "我叫了外卖",
            "谢谢小姐姐",
            "一位王姓的小姐",
            "我是老客户",
        ] {
            assert_eq!(PiiRules::default().mask(text), text);
        }
    }
}
