//! Closed vocabularies: enums whose values are words of documents and files, each word in one place. A word that is not listed is
//! refused where it is read.

/// Declares an enum with the word that stands for each value. It is read and written as that word; `ALL`, `id` and `from_id` go between
/// the two. Further derives may stand among its attributes. The crate that uses it depends on serde.
#[macro_export]
macro_rules! vocabulary {
    ($(#[$attribute:meta])* $name:ident { $($(#[$of_value:meta])* $variant:ident = $id:literal,)+ }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        $(#[$attribute])*
        pub enum $name { $($(#[$of_value])* #[serde(rename = $id)] $variant,)+ }

        impl $name {
            /// Every value, in declared order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The word that stands for it.
            pub fn id(self) -> &'static str {
                match self { $($name::$variant => $id,)+ }
            }

            /// The value of that word.
            pub fn from_id(id: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|value| value.id() == id)
            }
        }
    };
}
