//! The contract's values as columns of text: on `SQLite` all of them, on `PostgreSQL` the states.
//!
//! With these, and those of `postgres::columns`, one struct with `sqlx::FromRow` reads the rows of
//! either database.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Sqlite, Type};

use crate::money::Money;
use crate::requests::{InvoiceStatus, OrderStatus};
use crate::time::{Day, Millis};

/// Keeps values as the text that they print and parse.
macro_rules! text_columns {
    ($database:ty: $($value:ty)*) => {$(
        impl Type<$database> for $value {
            fn type_info() -> <$database as Database>::TypeInfo {
                <str as Type<$database>>::type_info()
            }

            fn compatible(info: &<$database as Database>::TypeInfo) -> bool {
                <str as Type<$database>>::compatible(info)
            }
        }

        impl Encode<'_, $database> for $value {
            fn encode_by_ref(
                &self,
                buffer: &mut <$database as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                Encode::<$database>::encode(self.to_string(), buffer)
            }
        }

        impl<'r> Decode<'r, $database> for $value {
            fn decode(value: <$database as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                Ok(<&str as Decode<$database>>::decode(value)?.parse()?)
            }
        }
    )*};
}

text_columns!(Sqlite: Day InvoiceStatus Millis Money OrderStatus);
#[cfg(feature = "postgres")]
text_columns!(sqlx::Postgres: InvoiceStatus OrderStatus);
