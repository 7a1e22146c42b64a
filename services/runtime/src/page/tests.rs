use super::*;
use crate::fault::{fields_of, reason_of};

#[test]
fn a_page_goes_on_where_the_last_one_ended() {
    let tokens = PageTokens::new(TokenKey::random());
    let token = tokens.issue(b"account=main", b"17");
    assert_eq!(
        tokens.read(b"account=main", &token),
        Ok(Some(b"17".to_vec()))
    );
    assert_eq!(tokens.read(b"account=main", ""), Ok(None));
}

#[test]
fn h48_a_token_of_another_filter_or_of_nobody_is_refused() {
    let tokens = PageTokens::new(TokenKey::random());
    let token = tokens.issue(b"account=main", b"17");
    for (filter, token) in [
        (&b"account=other"[..], token.as_str()),
        (b"account=main", "MTc"),
    ] {
        let refusal = tokens.read(filter, token).unwrap_err().into_status();
        assert_eq!(refusal.code(), Code::InvalidArgument);
        assert_eq!(reason_of(&refusal).as_deref(), Some("INVALID_PAGE_TOKEN"));
        assert_eq!(fields_of(&refusal)[0].field, "page_token");
    }
}

#[test]
fn h48_a_page_size_is_clamped_or_refused() {
    let size = PageSize {
        default: 50,
        max: 500,
    };
    assert_eq!(size.read(0), Ok(50));
    assert_eq!(size.read(1), Ok(1));
    assert_eq!(size.read(i32::MAX), Ok(500));
    assert_eq!(size.read(-1).unwrap_err().field, "page_size");
    assert!(size.read(i32::MIN).is_err());
}
