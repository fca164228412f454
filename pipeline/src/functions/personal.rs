//! Personal data in SQL, by the project's rules: `mask_pii(text)`, `pseudonymise(text)` and `pii_types(text)`; and what of
//! the rules goes into the key of a step whose query calls them.

use std::ffi::OsString;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use deskmill_models::text::pii::{PiiRules, PiiType};

use super::calls::for_each_call;
use crate::error::Error;
use crate::keys::{Parts, digest_of};
use crate::project::Personal;

/// Changes when the same rules would find other things in the same text.
const FORMAT: &str = "2";

/// The project's rules for personal data, and those with its key. The key itself is not shown by `Debug`.
#[derive(Debug, Clone)]
pub struct PersonalData {
    rules: Arc<PiiRules>,
    keyed: std::result::Result<Arc<PiiRules>, NoKey>,
    /// What of the rules decides what is found.
    digest: String,
}

/// Why there are no pseudonyms.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NoKey {
    NotDeclared,
    NotSet {
        variable: String,
    },
    Short {
        variable: String,
        message: String,
        hint: String,
    },
}

impl PersonalData {
    /// The rules of a project; reads the key from the environment.
    pub fn of(declared: &Personal) -> Self {
        Self::with(declared, |variable| std::env::var_os(variable))
    }

    fn with(declared: &Personal, environment: impl Fn(&str) -> Option<OsString>) -> Self {
        let types: Vec<PiiType> = declared
            .types
            .iter()
            .filter_map(|name| PiiType::from_name(name))
            .collect();
        let mut rules = PiiRules::default();
        if !types.is_empty() {
            rules = rules.only(&types);
        }
        // A project that was read has only patterns that can be used.
        if let Ok(with_orders) = rules.clone().with_order_numbers(&declared.order_numbers) {
            rules = with_orders;
        }
        let keyed = keyed(&rules, declared.pseudonym_key_env.as_deref(), environment);
        Self {
            rules: Arc::new(rules),
            keyed: keyed.map(Arc::new),
            digest: digest_of(&(FORMAT, &declared.order_numbers, &declared.types)),
        }
    }

    /// What a query depends on besides its text and its tables: the rules if it looks for personal data, and the key, by
    /// a fingerprint that does not give it away, if it makes pseudonyms.
    ///
    /// # Errors
    /// When the query makes pseudonyms and there is no key; `place` says whose it is.
    pub fn parts(&self, place: &str, sql: &str) -> crate::error::Result<Parts> {
        let (mut looks, mut pseudonyms) = (false, false);
        for_each_call(sql, |name, _| {
            pseudonyms |= name == What::Pseudonymise.name();
            looks |= What::ALL.iter().any(|what| what.name() == name);
        });
        let mut parts = Parts::new();
        if looks {
            parts.insert("personal".into(), self.digest.clone());
        }
        if pseudonyms {
            let rules = self.keyed.as_ref().map_err(|no_key| Error::Sql {
                place: place.into(),
                message: no_key.message(),
                hint: no_key.hint(),
            })?;
            parts.insert("pseudonym key".into(), rules.key_fingerprint().unwrap_or_default());
        }
        Ok(parts)
    }
}

fn keyed(
    rules: &PiiRules,
    variable: Option<&str>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> std::result::Result<PiiRules, NoKey> {
    let variable = variable.ok_or(NoKey::NotDeclared)?.to_owned();
    let value = environment(&variable).unwrap_or_default();
    // What reads a key from a file often leaves the line's end on it.
    let key = value.as_encoded_bytes().trim_ascii();
    if key.is_empty() {
        return Err(NoKey::NotSet { variable });
    }
    rules.clone().with_key(key).map_err(|error| NoKey::Short {
        message: error.to_string(),
        hint: error.hint().to_owned(),
        variable,
    })
}

impl NoKey {
    fn message(&self) -> String {
        match self {
            Self::NotDeclared => "`pseudonymise` needs a key, and none is declared".to_owned(),
            Self::NotSet { variable } => {
                format!("`pseudonymise` needs a key, and the environment variable `{variable}` is empty or not set")
            }
            Self::Short { variable, message, .. } => format!("environment variable `{variable}`: {message}"),
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotDeclared => {
                "write `pseudonym_key_env = \"DESKMILL_PSEUDONYM_KEY\"` under `[personal]` in deskmill.toml, and set that \
                 variable to a random key (`openssl rand -hex 32`)"
                    .to_owned()
            }
            Self::NotSet { variable } => {
                format!("set `{variable}` to the key that the pseudonyms are made with (`openssl rand -hex 32` for a new one)")
            }
            Self::Short { hint, .. } => hint.clone(),
        }
    }
}

/// What is asked about personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Mask,
    Pseudonymise,
    Types,
}

impl What {
    const ALL: [Self; 3] = [Self::Mask, Self::Pseudonymise, Self::Types];

    const fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask_pii",
            Self::Pseudonymise => "pseudonymise",
            Self::Types => "pii_types",
        }
    }
}

/// One of the functions, with the rules it follows.
#[derive(Debug)]
struct PersonalFunction {
    what: What,
    data: PersonalData,
    signature: Signature,
}

/// A session has one set of rules, so the functions differ by what they are asked.
impl PartialEq for PersonalFunction {
    fn eq(&self, other: &Self) -> bool {
        self.what == other.what
    }
}

impl Eq for PersonalFunction {}

impl Hash for PersonalFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.what.hash(state);
    }
}

/// All of them.
pub(super) fn all(data: &PersonalData) -> Vec<ScalarUDF> {
    let function = |what| PersonalFunction {
        what,
        data: data.clone(),
        signature: Signature::string(1, Volatility::Immutable),
    };
    What::ALL.map(function).into_iter().map(ScalarUDF::from).collect()
}

impl ScalarUDFImpl for PersonalFunction {
    fn name(&self) -> &str {
        self.what.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.what {
            What::Mask | What::Pseudonymise => DataType::Utf8,
            What::Types => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rules = match self.what {
            What::Pseudonymise => self.data.keyed.as_ref(),
            _ => Ok(&self.data.rules),
        };
        let rules = rules.map_err(|no_key| exec_datafusion_err!("{}", no_key.message()))?;
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = cast(&arrays[0], &DataType::Utf8)?;
        let texts = texts.as_string::<i32>().iter();
        let out: ArrayRef = if self.what == What::Types {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for text in texts {
                lists.append_option(text.map(|text| rules.types(text).into_iter().map(|kind| Some(kind.name()))));
            }
            Arc::new(lists.finish())
        } else {
            Arc::new(
                texts
                    .map(|text| text.map(|text| rules.mask(text)))
                    .collect::<StringArray>(),
            )
        };
        Ok(ColumnarValue::Array(out))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str = "0123456789abcdef-a-secret";

    fn data(patterns: &[&str], variable: Option<&str>, key: Option<&str>) -> PersonalData {
        let declared = Personal {
            order_numbers: patterns.iter().map(ToString::to_string).collect(),
            types: Vec::new(),
            pseudonym_key_env: variable.map(str::to_owned),
        };
        PersonalData::with(&declared, |asked| {
            assert_eq!(Some(asked), variable);
            key.map(OsString::from)
        })
    }

    #[test]
    fn only_queries_that_look_for_personal_data_depend_on_the_rules() {
        let (one, other) = (
            data(&["A-[0-9]+"], Some("K"), Some(KEY)),
            data(&[], Some("K"), Some(KEY)),
        );
        let parts = |data: &PersonalData, sql: &str| data.parts("a table", sql).unwrap();
        for sql in [
            "select normalise(body) from tickets",
            "select 'mask_pii(body)' from tickets",
            "not sql",
        ] {
            assert!(parts(&one, sql).is_empty(), "{sql}");
        }
        for sql in [
            "select mask_pii(body) from tickets",
            "with a as (select * from tickets where cardinality(PII_TYPES(body)) > 0) select * from a",
            "select first_value(\"mask_pii\"(body)) over (order by _row) from tickets",
        ] {
            assert_eq!(parts(&one, sql).len(), 1, "{sql}");
            assert_ne!(parts(&one, sql), parts(&other, sql), "{sql}");
        }
    }

    #[test]
    fn only_pseudonyms_depend_on_the_key_and_nothing_shows_it() {
        let (one, other) = (
            data(&[], Some("K"), Some(KEY)),
            data(&[], Some("K"), Some("another-secret-of-the-desk")),
        );
        let parts = |data: &PersonalData, sql: &str| data.parts("a table", sql).unwrap();
        let (masks, names) = ("select mask_pii(body) from t", "select pseudonymise(body) from t");
        assert_eq!(parts(&one, masks), parts(&other, masks));
        assert_ne!(parts(&one, names), parts(&other, names));
        assert_eq!(
            parts(&one, names),
            parts(&data(&[], Some("K"), Some(&format!("{KEY}\n"))), names)
        );
        let shown = format!("{one:?} {:?}", parts(&one, names));
        assert!(!shown.contains(KEY), "{shown}");
        assert!(!shown.contains(&crate::keys::digest(KEY.as_bytes())[..16]), "{shown}");
    }

    #[test]
    fn a_missing_key_is_an_error_with_the_way_out() {
        for (data, message) in [
            (
                data(&[], None, None),
                "`pseudonymise` needs a key, and none is declared",
            ),
            (
                data(&[], Some("K"), None),
                "`pseudonymise` needs a key, and the environment variable `K` is empty or not set",
            ),
            (
                data(&[], Some("K"), Some(" \n")),
                "`pseudonymise` needs a key, and the environment variable `K` is empty or not set",
            ),
            (
                data(&[], Some("K"), Some("short")),
                "environment variable `K`: the pseudonym key has 5 bytes, at least 16 are needed",
            ),
        ] {
            assert!(data.parts("t", "select mask_pii('a')").is_ok());
            let error = data.parts("table `t`", "select pseudonymise('a')").unwrap_err();
            assert_eq!(error.to_string(), format!("table `t`: {message}"));
            assert!(!error.hint().is_empty());
        }
    }
}
