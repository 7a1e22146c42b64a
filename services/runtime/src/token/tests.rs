use proptest::prelude::*;

use super::*;

#[test]
fn a_token_opens_for_its_key_purpose_and_scope_only() {
    let key = TokenKey::derived(b"a secret", "orders");
    let token = key.seal("page", b"account=main", b"17");
    let again = TokenKey::derived(b"a secret", "orders");
    assert_eq!(
        again.open("page", b"account=main", &token).as_deref(),
        Some(&b"17"[..])
    );
    assert_eq!(key.open("resume", b"account=main", &token), None);
    assert_eq!(key.open("page", b"account=other", &token), None);
    let others = [TokenKey::derived(b"a secret", "fills"), TokenKey::random()];
    assert!(
        others
            .iter()
            .all(|key| key.open("page", b"account=main", &token).is_none())
    );
}

#[test]
fn parts_cannot_be_moved_across_their_borders() {
    let key = TokenKey::random();
    let token = key.seal("page", b"ab", b"c");
    assert_eq!(key.open("page", b"a", &token), None);
    assert_eq!(key.open("pagea", b"b", &token), None);
}

#[test]
fn a_key_is_not_shown() {
    assert_eq!(format!("{:?}", TokenKey::random()), "TokenKey([redacted])");
}

proptest! {
    #[test]
    fn h48_no_changed_token_opens(payload: [u8; 12], at in 0_usize..28, flip in 1_u8..) {
        let key = TokenKey::random();
        let mut bytes = URL_SAFE_NO_PAD.decode(key.seal("page", b"", &payload)).unwrap();
        bytes[at] ^= flip;
        prop_assert_eq!(key.open("page", b"", &URL_SAFE_NO_PAD.encode(bytes)), None);
    }

    #[test]
    fn h48_no_foreign_text_opens(text in ".{0,2000}") {
        prop_assert_eq!(TokenKey::random().open("page", b"", &text), None);
    }
}
