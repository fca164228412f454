//! Invented people, places and goods of the sample desk. A regular table; nobody in it is real.

pub(super) static GIVEN_EN: [&str; 24] = [
    "Anna", "Ben", "Carla", "David", "Emma", "Farid", "Grace", "Henry", "Ines", "Jack", "Katya", "Liam", "Maria",
    "Noah", "Olga", "Pavel", "Quinn", "Rosa", "Sam", "Tara", "Umar", "Vera", "Will", "Zoe",
];
pub(super) static FAMILY_EN: [&str; 24] = [
    "Adler",
    "Brook",
    "Castel",
    "Dorn",
    "Elmwood",
    "Fenwick",
    "Garnet",
    "Hollis",
    "Ivers",
    "Jansen",
    "Kestrel",
    "Lindqvist",
    "Marlow",
    "Nadir",
    "Okafor",
    "Petrov",
    "Quill",
    "Rossi",
    "Strand",
    "Tamm",
    "Underhill",
    "Vance",
    "Winter",
    "Yarrow",
];
/// (characters, romanised) so that an e-mail address can be made of the same name.
pub(super) static FAMILY_ZH: [(&str, &str); 20] = [
    ("王", "wang"),
    ("李", "li"),
    ("张", "zhang"),
    ("刘", "liu"),
    ("陈", "chen"),
    ("杨", "yang"),
    ("赵", "zhao"),
    ("黄", "huang"),
    ("周", "zhou"),
    ("吴", "wu"),
    ("徐", "xu"),
    ("孙", "sun"),
    ("胡", "hu"),
    ("朱", "zhu"),
    ("高", "gao"),
    ("林", "lin"),
    ("何", "he"),
    ("郭", "guo"),
    ("欧阳", "ouyang"),
    ("司徒", "situ"),
];
pub(super) static GIVEN_ZH: [(&str, &str); 24] = [
    ("伟", "wei"),
    ("芳", "fang"),
    ("娜", "na"),
    ("秀英", "xiuying"),
    ("敏", "min"),
    ("静", "jing"),
    ("强", "qiang"),
    ("磊", "lei"),
    ("洋", "yang"),
    ("艳", "yan"),
    ("勇", "yong"),
    ("军", "jun"),
    ("杰", "jie"),
    ("娟", "juan"),
    ("涛", "tao"),
    ("明", "ming"),
    ("超", "chao"),
    ("秀兰", "xiulan"),
    ("霞", "xia"),
    ("平", "ping"),
    ("子轩", "zixuan"),
    ("雨桐", "yutong"),
    ("浩然", "haoran"),
    ("思远", "siyuan"),
];
pub(super) static CITIES_EN: [&str; 12] = [
    "London",
    "Dublin",
    "Berlin",
    "Toronto",
    "Leeds",
    "Austin",
    "Nairobi",
    "Lagos",
    "Bogota",
    "Manila",
    "Melbourne",
    "Bristol",
];
pub(super) static CITIES_ZH: [&str; 12] = [
    "北京", "上海", "广州", "深圳", "杭州", "成都", "武汉", "西安", "南京", "重庆", "苏州", "青岛",
];
pub(super) static CARRIERS_EN: [&str; 4] = ["SwiftParcel", "Blue Heron Post", "the courier", "CityVan"];
pub(super) static CARRIERS_ZH: [&str; 4] = ["飞燕快递", "蓝鹭邮政", "快递公司", "同城速运"];
pub(super) static STREETS_EN: [&str; 8] = [
    "Larkspur Lane",
    "Old Mill Road",
    "Quarry Street",
    "Maple Court",
    "Harbour View",
    "Tinder Row",
    "Fern Hill",
    "Station Walk",
];
pub(super) static STREETS_ZH: [&str; 8] = [
    "云杉路",
    "清溪街",
    "望月巷",
    "文苑大道",
    "青石路",
    "桂花街",
    "长亭路",
    "新桥东路",
];
pub(super) static PROMO_CODES: [&str; 8] = [
    "SPRING10", "HELLO15", "SUMMER20", "VIP-88", "FREESHIP", "GOLDEN25", "MAY5", "WELCOME",
];
pub(super) static SIZES: [&str; 8] = ["S", "M", "L", "XL", "36", "38", "40", "42"];

/// One article of the shop. The price is in cents of US dollars before the order's own variation.
pub(super) struct Product {
    pub(super) en: &'static str,
    pub(super) zh: &'static str,
    pub(super) category: &'static str,
    pub(super) price_cents: u32,
}

const fn product(en: &'static str, zh: &'static str, category: &'static str, price_cents: u32) -> Product {
    Product {
        en,
        zh,
        category,
        price_cents,
    }
}

pub(super) static PRODUCTS: [Product; 30] = [
    product("headphones", "耳机", "electronics", 5900),
    product("phone case", "手机壳", "electronics", 1500),
    product("tablet", "平板电脑", "electronics", 24900),
    product("power bank", "充电宝", "electronics", 2900),
    product("desk lamp", "台灯", "home", 3500),
    product("kettle", "电热水壶", "kitchen", 3200),
    product("rice cooker", "电饭煲", "kitchen", 6900),
    product("blender", "搅拌机", "kitchen", 4900),
    product("frying pan", "平底锅", "kitchen", 2700),
    product("tea set", "茶具", "kitchen", 4400),
    product("winter jacket", "羽绒服", "clothing", 8900),
    product("running shoes", "跑鞋", "clothing", 7500),
    product("jeans", "牛仔裤", "clothing", 4500),
    product("raincoat", "雨衣", "clothing", 3900),
    product("wool scarf", "羊毛围巾", "clothing", 2500),
    product("backpack", "背包", "travel", 5500),
    product("suitcase", "行李箱", "travel", 9900),
    product("tent", "帐篷", "travel", 12900),
    product("yoga mat", "瑜伽垫", "sport", 2400),
    product("bicycle helmet", "骑行头盔", "sport", 4800),
    product("football", "足球", "sport", 1900),
    product("office chair", "办公椅", "home", 15900),
    product("bookshelf", "书架", "home", 8400),
    product("blanket", "毛毯", "home", 3000),
    product("curtains", "窗帘", "home", 4100),
    product("vacuum cleaner", "吸尘器", "home", 13900),
    product("face cream", "面霜", "care", 1800),
    product("hair dryer", "吹风机", "care", 3600),
    product("board game", "桌游", "toys", 2900),
    product("toy train", "玩具火车", "toys", 3300),
];
