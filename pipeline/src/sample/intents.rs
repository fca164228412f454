//! What customers ask for: the 24 intents with their true properties. The index into `INTENTS` is the intent's number
//! everywhere in this module; `OTHER` stands for questions outside every intent. Texts are in `texts_en` and `texts_zh`.

/// A family of intents; agents have one skill level per group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Delivery,
    Payment,
    Account,
    Product,
    Service,
}

impl Group {
    /// All groups; the position is the group's number in an agent's skill array.
    pub(super) const ALL: [Self; 5] = [
        Self::Delivery,
        Self::Payment,
        Self::Account,
        Self::Product,
        Self::Service,
    ];

    /// The plain name that stands in `agents.csv`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Payment => "payment",
            Self::Account => "account",
            Self::Product => "product",
            Self::Service => "service",
        }
    }
}

/// One intent and what is true about it.
pub(super) struct Intent {
    pub(super) name: &'static str,
    pub(super) group: Group,
    /// How often it is asked, relative to the others.
    pub(super) weight: f64,
    /// How hard it is to handle, 0 to 1.
    pub(super) difficulty: f64,
    /// Its own share in the dissatisfaction logit.
    pub(super) effect: f64,
    /// Whether the question is about an order the customer placed.
    pub(super) about_order: bool,
}

const fn intent(name: &'static str, group: Group, causes: (f64, f64, f64), about_order: bool) -> Intent {
    Intent {
        name,
        group,
        weight: causes.0,
        difficulty: causes.1,
        effect: causes.2,
        about_order,
    }
}

/// The label of a question outside every intent, and its number.
pub(super) const OTHER_NAME: &str = "other";
pub(super) const OTHER: usize = INTENTS.len();

/// Every intent: name, group, (weight, difficulty, dissatisfaction effect), about an order.
pub(super) static INTENTS: [Intent; 24] = [
    intent("where_is_my_order", Group::Delivery, (10.0, 0.20, 0.00), true),
    intent("late_delivery", Group::Delivery, (7.0, 0.45, 0.50), true),
    intent("change_address", Group::Delivery, (4.0, 0.30, -0.30), true),
    intent("damaged_item", Group::Delivery, (5.0, 0.60, 0.60), true),
    intent("missing_item", Group::Delivery, (4.0, 0.60, 0.50), true),
    intent("card_declined", Group::Payment, (4.0, 0.40, 0.10), false),
    intent("charged_twice", Group::Payment, (4.0, 0.65, 0.60), true),
    intent("refund_status", Group::Payment, (6.0, 0.50, 0.40), true),
    intent("request_refund", Group::Payment, (7.0, 0.55, 0.30), true),
    intent("invoice_copy", Group::Payment, (3.0, 0.15, -0.50), true),
    intent("payment_methods", Group::Payment, (2.0, 0.10, -0.60), false),
    intent("reset_password", Group::Account, (6.0, 0.10, -0.40), false),
    intent("account_locked", Group::Account, (4.0, 0.40, 0.20), false),
    intent("change_email", Group::Account, (2.0, 0.20, -0.40), false),
    intent("delete_account", Group::Account, (2.0, 0.45, 0.20), false),
    intent("verify_identity", Group::Account, (2.0, 0.70, 0.30), false),
    intent("product_question", Group::Product, (6.0, 0.35, -0.60), false),
    intent("warranty_claim", Group::Product, (4.0, 0.80, 0.40), true),
    intent("stock_availability", Group::Product, (4.0, 0.15, -0.40), false),
    intent("size_exchange", Group::Product, (4.0, 0.35, -0.20), true),
    intent("complaint_about_agent", Group::Service, (2.0, 0.90, 1.20), false),
    intent("speak_to_human", Group::Service, (3.0, 0.30, 0.40), false),
    intent("promo_code_problem", Group::Service, (4.0, 0.25, 0.00), false),
    intent("cancel_order", Group::Service, (5.0, 0.35, -0.10), true),
];

/// The label's name of an intent number, `OTHER` included.
pub(super) fn name_of(intent: usize) -> &'static str {
    INTENTS.get(intent).map_or(OTHER_NAME, |intent| intent.name)
}

/// What is true of a question outside every intent: (group, difficulty, dissatisfaction effect).
pub(super) const OTHER_CAUSES: (Group, f64, f64) = (Group::Service, 0.5, 0.2);

/// Group, difficulty and dissatisfaction effect of an intent number, `OTHER` included.
pub(super) fn causes_of(intent: usize) -> (Group, f64, f64) {
    INTENTS
        .get(intent)
        .map_or(OTHER_CAUSES, |intent| (intent.group, intent.difficulty, intent.effect))
}
