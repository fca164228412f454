//! The shop's help articles, an entry per intent in the order of `INTENTS`. A regular table.

/// One article in one language.
pub(super) struct Article {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) steps: [&'static str; 3],
}

const fn article(title: &'static str, lead: &'static str, steps: [&'static str; 3]) -> Article {
    Article { title, lead, steps }
}

pub(super) static EN: [Article; 24] = [
    article(
        "Where is my order?",
        "You can follow every parcel from our warehouse to your door.",
        [
            "Sign in and open My orders.",
            "Choose the order and press Track.",
            "If nothing has moved for three days, send us the order number.",
        ],
    ),
    article(
        "My delivery is late",
        "Most late parcels arrive within two days after the promised date.",
        [
            "Look at the newest date on the tracking page.",
            "After two more days we ask the carrier for you.",
            "After ten days we send a new parcel or pay back the order and the shipping fee.",
        ],
    ),
    article(
        "Change the delivery address",
        "The address can be changed until the parcel leaves our warehouse.",
        [
            "Open My orders and choose Change address.",
            "Type the new address and save it.",
            "If the button is grey, the parcel has left: ask the carrier to redirect it.",
        ],
    ),
    article(
        "My item arrived damaged",
        "We replace everything that breaks on its way to you.",
        [
            "Take a photo of the item and of the box.",
            "Report the damage within 14 days under My orders.",
            "Choose a replacement or your money back; you need not return broken glass.",
        ],
    ),
    article(
        "Something is missing from my parcel",
        "Orders sometimes travel in more than one box.",
        [
            "Look at the delivery note: it lists what is in this box.",
            "Wait two days if a second parcel is announced.",
            "Otherwise report the missing item; we send it within a day.",
        ],
    ),
    article(
        "My card was declined",
        "A refusal comes from the bank; we see only that it refused.",
        [
            "Check number, date and the three digits on the back.",
            "Confirm the payment in your bank's app.",
            "Try another card or pay by bank transfer.",
        ],
    ),
    article(
        "I was charged twice",
        "A second line on your statement is often only a reservation that disappears.",
        [
            "Wait three working days and look again.",
            "If both charges stay, send us date and amount.",
            "We pay the wrong one back within five working days.",
        ],
    ),
    article(
        "Where is my refund?",
        "A refund goes the way the payment came.",
        [
            "Open My orders and look for Refunded on.",
            "Cards take up to seven working days, transfers two.",
            "If more time has passed, send us your order number.",
        ],
    ),
    article(
        "Return an item for a refund",
        "You can return unused goods within 30 days.",
        [
            "Open My orders, choose Return and say why.",
            "Print the label and bring the parcel to a pickup point.",
            "We pay the money back within five days after it has arrived.",
        ],
    ),
    article(
        "Get an invoice",
        "Each order has its invoice as a PDF.",
        [
            "Open My orders and press Invoice.",
            "Add a company name or tax number under Billing first, if you need it.",
            "The corrected invoice replaces the old one at once.",
        ],
    ),
    article(
        "Ways to pay",
        "You can pay by card, bank transfer, mobile wallet or gift card.",
        [
            "Choose the way to pay at checkout.",
            "Orders above 100 dollars can be paid in three or six parts.",
            "Business customers may pay on invoice.",
        ],
    ),
    article(
        "Reset your password",
        "A new password takes two minutes.",
        [
            "Press Forgot password on the sign-in page.",
            "Open the mail within 30 minutes; look into the spam folder too.",
            "Choose a password of at least twelve characters.",
        ],
    ),
    article(
        "My account is locked",
        "Five wrong passwords lock an account for one hour.",
        [
            "Wait one hour or reset your password.",
            "If we locked it for safety, you find a mail with a form.",
            "We answer the form within a day; open orders are delivered all the same.",
        ],
    ),
    article(
        "Change your email address",
        "Your email address is also your sign-in name.",
        [
            "Open Profile and press Change next to the address.",
            "Confirm the mails at the new and at the old address.",
            "No old mailbox any more? Then we check your identity instead.",
        ],
    ),
    article(
        "Delete your account",
        "Deleting is final: orders, reviews and points are lost.",
        [
            "Finish open orders and returns.",
            "Open Profile, then Privacy, and choose Delete account.",
            "We erase your data after 14 days and keep only what tax law demands.",
        ],
    ),
    article(
        "Verify your identity",
        "We ask for an ID when large amounts or account changes are at stake.",
        [
            "Have a passport or ID card ready, and good light.",
            "Open the link from our mail on a phone and follow it.",
            "The check takes up to two days; the pictures are deleted afterwards.",
        ],
    ),
    article(
        "Questions about a product",
        "Size, weight, material and manual stand on each product page.",
        [
            "Open the product page and choose Details.",
            "Manuals in English and Chinese are under Downloads.",
            "Not there? Ask us; answers are added to the page.",
        ],
    ),
    article(
        "Use your warranty",
        "Everything we sell has a warranty of two years.",
        [
            "Find the order and press Warranty.",
            "Describe the fault and print the label.",
            "We repair within ten days, or send a new item.",
        ],
    ),
    article(
        "Is it in stock?",
        "The product page shows the stock of this minute.",
        [
            "Choose colour and size to see the stock.",
            "Press Tell me for a mail when it is back.",
            "Goods marked Ended will not come back.",
        ],
    ),
    article(
        "Exchange for another size",
        "Clothes and shoes can be exchanged free of charge for 30 days.",
        [
            "Open My orders and choose Exchange.",
            "Pick the new size; we keep it for you for a week.",
            "Send the old one with the printed label.",
        ],
    ),
    article(
        "Complain about an agent",
        "We are sorry. A supervisor reads every complaint.",
        [
            "Tell us date, channel and what happened.",
            "A supervisor listens to the call or reads the chat.",
            "You get an answer within three working days.",
        ],
    ),
    article(
        "Talk to a person",
        "People answer from 7 to 23 o'clock, every day.",
        [
            "Type agent in the chat, or press zero on the phone.",
            "We tell you the waiting time.",
            "Leave a number and we call you.",
        ],
    ),
    article(
        "My promo code does not work",
        "A code holds for certain goods and days.",
        [
            "Read the small print under the code.",
            "Type the code before you pay; it cannot be added later.",
            "Only one code can be used in an order.",
        ],
    ),
    article(
        "Cancel an order",
        "An order can be cancelled until it is packed.",
        [
            "Open My orders and press Cancel.",
            "If it has been packed, refuse the parcel or return it.",
            "The money comes back the way it was paid.",
        ],
    ),
];

pub(super) static ZH: [Article; 24] = [
    article(
        "我的订单到哪了",
        "从仓库到家门口，每个包裹都能查。",
        [
            "登录后打开“我的订单”。",
            "选中订单，点“查物流”。",
            "三天没有更新，请把订单号发给我们。",
        ],
    ),
    article(
        "送货延误",
        "大部分迟到的包裹会在承诺日期后两天内送到。",
        [
            "先看物流页上最新的日期。",
            "再过两天，由我们向快递公司查询。",
            "超过十天，我们补发或者退回货款和运费。",
        ],
    ),
    article(
        "修改收货地址",
        "包裹出库之前都能改地址。",
        [
            "打开“我的订单”，选“修改地址”。",
            "填写新地址并保存。",
            "按钮变灰表示已出库，请让快递公司改派。",
        ],
    ),
    article(
        "收到的商品有破损",
        "路上弄坏的，我们负责更换。",
        [
            "给商品和外箱拍照。",
            "十四天内在“我的订单”里上报。",
            "可选换新或退钱，碎玻璃不用寄回。",
        ],
    ),
    article(
        "包裹里少了东西",
        "一个订单有时分几个箱子寄。",
        [
            "看发货单，上面写着本箱的内容。",
            "如果还有第二个包裹，请等两天。",
            "否则上报缺件，我们一天内补发。",
        ],
    ),
    article(
        "银行卡被拒",
        "拒绝来自银行，我们只能看到结果。",
        [
            "核对卡号、日期和背面三位数。",
            "在银行App里确认付款。",
            "换一张卡，或者用转账。",
        ],
    ),
    article(
        "重复扣款",
        "账单上的第二笔常常只是预授权，会自动消失。",
        [
            "等三个工作日再看。",
            "两笔都还在，请告诉我们日期和金额。",
            "五个工作日内退回多扣的一笔。",
        ],
    ),
    article(
        "退款到哪了",
        "退款按原路返回。",
        [
            "打开“我的订单”，看“退款日期”。",
            "银行卡最多七个工作日，转账两个工作日。",
            "时间已过，请发订单号给我们。",
        ],
    ),
    article(
        "退货退款",
        "三十天内未使用的商品可以退。",
        [
            "打开“我的订单”，选“退货”，写明原因。",
            "打印面单，把包裹送到自提点。",
            "收到后五天内退钱。",
        ],
    ),
    article(
        "索取发票",
        "每个订单都有电子发票。",
        [
            "打开“我的订单”，点“发票”。",
            "需要公司名或税号，请先在“开票信息”里填写。",
            "更正后的发票立即替换旧的。",
        ],
    ),
    article(
        "付款方式",
        "可以刷卡、转账、手机支付或用礼品卡。",
        ["结账时选择付款方式。", "满七百元可分三期或六期。", "企业客户可以月结。"],
    ),
    article(
        "重置密码",
        "两分钟就能设好新密码。",
        [
            "在登录页点“忘记密码”。",
            "三十分钟内打开邮件，也看看垃圾箱。",
            "新密码至少十二位。",
        ],
    ),
    article(
        "账号被锁",
        "输错五次密码，账号锁一小时。",
        [
            "等一小时，或者重置密码。",
            "出于安全被锁的，邮件里有一张表。",
            "一天内答复，已下的订单照常送。",
        ],
    ),
    article(
        "更换邮箱",
        "邮箱同时是登录名。",
        [
            "打开“个人资料”，点邮箱旁边的“更换”。",
            "在新旧两个邮箱里都点确认。",
            "旧邮箱不能用了，就改为核对身份。",
        ],
    ),
    article(
        "注销账号",
        "注销不能撤回：订单、评价和积分都会消失。",
        [
            "先完成未结的订单和退货。",
            "打开“个人资料”的“隐私”，选“注销账号”。",
            "十四天后清除数据，只保留税法要求的部分。",
        ],
    ),
    article(
        "身份认证",
        "金额较大或修改账户时，我们会核对证件。",
        [
            "准备护照或身份证，光线要好。",
            "用手机打开邮件里的链接，按提示做。",
            "最多两天出结果，照片随后删除。",
        ],
    ),
    article(
        "商品咨询",
        "尺寸、重量、材质和说明书都在商品页上。",
        [
            "打开商品页，选“详情”。",
            "中英文说明书在“下载”里。",
            "没有的请问我们，答案会补到页面上。",
        ],
    ),
    article(
        "保修",
        "所有商品保修两年。",
        ["找到订单，点“保修”。", "写明故障，打印面单。", "十天内修好，或者换新。"],
    ),
    article(
        "有没有货",
        "商品页显示此刻的库存。",
        [
            "选好颜色和尺码再看库存。",
            "点“到货通知”，到货时发邮件。",
            "标着“下架”的不会再有。",
        ],
    ),
    article(
        "换尺码",
        "衣服和鞋三十天内免费换码。",
        [
            "打开“我的订单”，选“换货”。",
            "选新尺码，为您保留一周。",
            "用打印的面单寄回旧的。",
        ],
    ),
    article(
        "投诉客服",
        "很抱歉，每份投诉都由主管阅读。",
        ["写明日期、渠道和经过。", "主管会听录音或看聊天。", "三个工作日内答复。"],
    ),
    article(
        "找人工客服",
        "每天七点到二十三点有人值班。",
        [
            "聊天里输入“人工”，电话里按零。",
            "会告诉您要等多久。",
            "留下号码，我们打给您。",
        ],
    ),
    article(
        "优惠码用不了",
        "优惠码只对部分商品和日期有效。",
        [
            "看优惠码下面的小字。",
            "付款前填写，之后不能补。",
            "一个订单只能用一个码。",
        ],
    ),
    article(
        "取消订单",
        "打包之前都能取消。",
        [
            "打开“我的订单”，点“取消”。",
            "已经打包的，请拒收或退货。",
            "货款按原路退回。",
        ],
    ),
];
