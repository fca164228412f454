//! The small words around a question, per language: openers, closers, tone, agents' and robots' turns, rating comments.
//! A regular table. Angry phrases stand nowhere but in `angry`, so that tone can be read off the text.

/// The phrases of one language. `[a|b]` is a choice, `{slot}` is filled by `compose`.
pub(super) struct Phrases {
    pub(super) openers: &'static [&'static str],
    pub(super) closers: &'static [&'static str],
    pub(super) polite: &'static [&'static str],
    pub(super) angry: &'static [&'static str],
    pub(super) filler: &'static [&'static str],
    pub(super) order_detail: &'static [&'static str],
    pub(super) generic_subjects: &'static [&'static str],
    pub(super) phone_notes: &'static [&'static str],
    pub(super) robot: &'static [&'static str],
    pub(super) agent_hello: &'static [&'static str],
    pub(super) agent_solves: [&'static [&'static str]; 5],
    pub(super) thanks: &'static [&'static str],
    pub(super) grumbles: &'static [&'static str],
    pub(super) comments_good: &'static [&'static str],
    pub(super) comments_bad: &'static [&'static str],
    /// (own word, word of the other language) for code-switching.
    pub(super) switches: &'static [(&'static str, &'static str)],
    pub(super) resent_words: &'static [&'static str],
}

pub(super) static EN: Phrases = Phrases {
    openers: &[
        "[Hi|Hello|Hey][| there| team],",
        "Good [morning|afternoon|evening],",
        "Dear [team|support|Sir or Madam],",
        "Hello [again|everyone],",
    ],
    closers: &[
        "[Thanks|Thank you|Many thanks].",
        "[Best|Kind|Warm] regards",
        "[Looking forward|I look forward] to your [answer|reply].",
        "Have a [good|nice] day.",
        "Cheers",
    ],
    polite: &[
        "[It would be great if you could help|I would be grateful for help].",
        "[Sorry to bother you|Thanks for your patience].",
        "Please [let me know|get back to me].",
    ],
    angry: &[
        "This is [a disgrace|outrageous|ridiculous|absolutely unacceptable]!",
        "I am [furious|fed up|sick of this]!",
        "[Worst|Most useless] [shop|support] ever!",
        "[Are you kidding me|Do you take me for a fool]?",
        "[Never again|I will tell everyone]!",
    ],
    filler: &[
        "I have been a customer [for years|since the beginning].",
        "I [looked at|read] the help page [first|already].",
        "I use the [app|website] on my [phone|tablet|laptop].",
        "[My wife|My husband|A friend] [recommended you|orders here too].",
        "[I wrote last week too|This is my second message].",
        "I am [at work|on the road] so mail is best.",
    ],
    order_detail: &[
        "[Order|Order number|My order number is] {order}.",
        "It is [about|for] order {order}.",
        "([order|no.] {order})",
    ],
    generic_subjects: &[
        "[help|Help please]",
        "[question|a question]",
        "[urgent|URGENT]",
        "[problem|issue]",
        "hello",
        "[my order|my account]",
        "[support|customer service]",
    ],
    phone_notes: &[
        "[Caller|Customer] [says|asks|reports]:",
        "[Phone note|Call]:",
        "Cust. on phone:",
    ],
    robot: &[
        "Welcome! I am the shop's robot. [How can I help?|What is it about?]",
        "Hi, robot here. [Please describe your question.|Tell me in a few words.]",
    ],
    agent_hello: &[
        "Hello, this is {name}. [Let me look into this.|One moment please.]",
        "Thanks for writing, I am {name}. [I am checking it now.|Give me a minute.]",
    ],
    agent_solves: [
        &[
            "The parcel is with {carrier} in {city}, I [asked|told] them to hurry.",
            "I [changed|corrected] the shipment in the system.",
            "A [replacement|new parcel] leaves [today|tomorrow].",
        ],
        &[
            "I [see|found] the payment of {amount}, the bank books it in {days} days.",
            "The document is [in your mailbox|in your account] now.",
            "The payment [is corrected|was released].",
        ],
        &[
            "I sent you a [link|code] just now.",
            "Your account is [open again|updated].",
            "The [change|request] is in the system, it takes an hour.",
        ],
        &[
            "The {item} [has that|does that], see the data sheet.",
            "I [booked|arranged] it for the {item}, a label comes by mail.",
            "We expect new {item} on {date}.",
        ],
        &[
            "I [noted|passed on] your message, a supervisor will call.",
            "I have [added|done] it by hand.",
            "It is [cancelled|settled], you get a confirmation.",
        ],
    ],
    thanks: &[
        "[Great|Perfect|Super], thank you!",
        "[Thanks|Thank you], that helps.",
        "Ok, [thanks|good].",
    ],
    grumbles: &[
        "That [does not help at all|is no answer].",
        "So I [wait again|wasted my time].",
        "[Unbelievable|Hopeless].",
        "I [have explained this three times|do not believe that any more]!",
    ],
    comments_good: &[
        "[quick|fast] and [friendly|kind]",
        "[all solved|problem solved]",
        "very [helpful|patient] agent",
        "[great|good] service",
    ],
    comments_bad: &[
        "[waited far too long|too slow]",
        "[not solved|still open]",
        "passed from one to the [next|other]",
        "[rude|unhelpful] answer",
        "had to ask [again|twice]",
    ],
    switches: &[
        ("refund", "退款"),
        ("order", "订单"),
        ("parcel", "包裹"),
        ("password", "密码"),
        ("please", "请"),
        ("invoice", "发票"),
        ("account", "账号"),
        ("size", "尺码"),
    ],
    resent_words: &["please", "again", "really", "still", "now", "quickly"],
};

pub(super) static ZH: Phrases = Phrases {
    openers: &[
        "[你好|您好][，|！]",
        "[客服你好|在吗|亲]，",
        "[早上好|下午好|晚上好]，",
        "[请问|打扰了]，",
    ],
    closers: &[
        "[谢谢|多谢|感谢]！",
        "[麻烦了|辛苦了]。",
        "[等你们回复|盼回复]。",
        "祝[好|工作顺利]。",
    ],
    polite: &[
        "[希望能帮忙处理|请帮帮忙]。",
        "[不好意思打扰了|感谢您的耐心]。",
        "请[尽快回复|告诉我]。",
    ],
    angry: &[
        "[太过分了|岂有此理|简直离谱]！",
        "[气死我了|我受够了|忍无可忍]！",
        "[垃圾|最差的][店|服务]！",
        "[你们在耍我吗|把我当傻子吗]？",
        "[再也不来了|我要曝光你们]！",
    ],
    filler: &[
        "我是[多年的|你们的]老顾客。",
        "帮助页面[我看过了|已经看了]。",
        "我用的是[手机App|网页|平板]。",
        "[朋友|家人][推荐的|也在这买]。",
        "[上周也写过|这是第二次留言]。",
        "我[在上班|在外面]，发消息就行。",
    ],
    order_detail: &[
        "订单号[是|：|]{order}。",
        "[是|关于]{order}这单。",
        "（[单号|订单]{order}）",
    ],
    generic_subjects: &[
        "[求助|帮帮忙]",
        "[问题|有个问题]",
        "[急|加急]",
        "[反馈|咨询]",
        "你好",
        "[我的订单|我的账号]",
        "客服",
    ],
    phone_notes: &["[来电|客户来电][反映|咨询]：", "[电话记录|通话]：", "客户电话："],
    robot: &[
        "欢迎！我是小店机器人，[有什么可以帮您|请问什么事]？",
        "您好，机器人为您服务，[请描述问题|请简单说一下]。",
    ],
    agent_hello: &[
        "您好，我是{name}，[我看一下|请稍等]。",
        "感谢联系，我是{name}，[正在查询|马上为您查]。",
    ],
    agent_solves: [
        &[
            "包裹在{city}的{carrier}，我已经[催|联系]他们了。",
            "系统里已经[改好|更正]了。",
            "[今天|明天]给您[补发|重新发]。",
        ],
        &[
            "[看到|查到]{amount}这笔，银行{days}天内到账。",
            "文件已经[发到邮箱|放在账户里]了。",
            "付款已经[更正|放行]。",
        ],
        &[
            "刚给您发了[链接|验证码]。",
            "账号已经[恢复|更新]。",
            "已经[提交|登记]，一小时内生效。",
        ],
        &[
            "{item}[有这个功能|可以]，请看参数页。",
            "{item}已经[登记|安排]，寄件单发邮箱。",
            "{item}预计{date}到货。",
        ],
        &[
            "已经[记录|转达]，主管会回电。",
            "我已手动[处理|添加]好了。",
            "已经[取消|办好]，会收到确认。",
        ],
    ],
    thanks: &[
        "[太好了|好的]，谢谢！",
        "[谢谢|多谢]，明白了。",
        "[行|好]，[谢了|知道了]。",
    ],
    grumbles: &[
        "[这没有用|等于没说]。",
        "又[要等|白费时间]。",
        "[无语|没救了]。",
        "我[都说三遍了|不信了]！",
    ],
    comments_good: &[
        "[又快又好|很快]",
        "[解决了|问题已解决]",
        "客服很[耐心|热情]",
        "服务[不错|很好]",
    ],
    comments_bad: &[
        "[等太久|太慢]",
        "[没解决|还是没好]",
        "被[转来转去|踢皮球]",
        "[态度差|没帮上忙]",
        "[又问了一遍|问了两次]",
    ],
    switches: &[
        ("退款", "refund"),
        ("订单", "order"),
        ("快递", "delivery"),
        ("密码", "password"),
        ("包裹", "parcel"),
        ("发票", "invoice"),
        ("账号", "account"),
        ("尺码", "size"),
    ],
    resent_words: &["请", "真的", "再", "还是", "现在", "赶紧"],
};
