//! Forms as they are posted: fields by name. The order of fields of one name means something, that
//! of others does not.

use super::writer::Writer;
use crate::json::Failure;

/// The fields as an object, whose keys repeat as the names do.
pub(super) fn json(body: &[u8], most: usize) -> Result<String, Failure> {
    let mut writer = Writer::new(most);
    writer.open();
    for (name, value) in form_urlencoded::parse(body) {
        // Bytes that are no text would all look the same.
        if name.contains(char::REPLACEMENT_CHARACTER) || value.contains(char::REPLACEMENT_CHARACTER)
        {
            return Err(Failure::NotStructured);
        }
        writer.key(&name)?;
        writer.string(&value)?;
    }
    writer.close();
    Ok(writer.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Option<String> {
        json(body.as_bytes(), 1000).ok()
    }

    #[test]
    fn fields_are_decoded() {
        assert_eq!(
            of("a=1&b=x+y%21&a=&c").as_deref(),
            Some(r#"{"a":"1","b":"x y!","a":"","c":""}"#)
        );
        assert_eq!(of("q=%22%0A").as_deref(), Some(r#"{"q":"\"\u000a"}"#));
        assert_eq!(of("a=%FF"), None);
    }
}
