use proptest::prelude::*;

use crate::rest::template::{Path, Template};

fn values(template: &str, path: &str) -> Option<Vec<String>> {
    let template = Template::parse(template).unwrap();
    let path = Path::split(path)?;
    template
        .matches(&path)
        .then(|| template.values(&path).unwrap())
}

fn strings(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn a_template_matches_paths_of_its_form_and_gives_their_values() {
    let orders = "/v1/orders/{account}/{client_order_index}";
    let cases = [
        ("/v1/orders", "/v1/orders", strings(&[])),
        (orders, "/v1/orders/main/7", strings(&["main", "7"])),
        (orders, "/v1/orders/main/7:cancel", None),
        (orders, "/v1/orders/main/a%3Ab", strings(&["main", "a:b"])),
        (orders, "/v1/orders/main", None),
        (orders, "/v1/orders/main/7/8", None),
        (
            "/v1/orders/{a}/{b}:cancel",
            "/v1/orders/main/7:cancel",
            strings(&["main", "7"]),
        ),
        (
            "/v1/orders/{a}/{b}:cancel",
            "/v1/orders/main/7:explain",
            None,
        ),
        ("/v1/orders/{a}/{b}:cancel", "/v1/orders/main/:cancel", None),
        ("/v1/orders:watch", "/v1/orders:watch", strings(&[])),
        ("/v1/orders:watch", "/v1/orders", None),
        ("/v1/*/b", "/v1/x/b", strings(&[])),
        (
            "/v1/{name=shelves/*}",
            "/v1/shelves/a%2Fb",
            strings(&["shelves/a%2Fb"]),
        ),
        ("/v1/{name=**}", "/v1/a/b%20c", strings(&["a/b c"])),
        ("/v1/{name=**}", "/v1", strings(&[""])),
        ("/v1/{name}", "/v1/%E2%82%AC", strings(&["€"])),
    ];
    for (template, path, expected) in cases {
        assert_eq!(values(template, path), expected, "{template} with {path}");
    }
}

#[test]
fn h17_a_path_is_matched_exactly_as_it_was_sent() {
    let tricks = [
        "/V1/orders",
        "/v1/Orders",
        "//v1/orders",
        "/v1//orders",
        "/v1/orders/",
        "/v1/%6frders",
        "/v1/./orders",
        "/x/../v1/orders",
        "/v1/orders%2f",
        "/v1/orders%3Awatch",
        "v1/orders",
        "",
        "/",
        "*",
    ];
    let template = Template::parse("/v1/orders").unwrap();
    for trick in tricks {
        let matched = Path::split(trick).is_some_and(|path| template.matches(&path));
        assert!(!matched, "{trick}");
    }
}

#[test]
fn h17_a_value_that_is_not_percent_encoded_utf_8_is_refused_by_the_name_of_its_variable() {
    let template = Template::parse("/v1/{account}").unwrap();
    for broken in [
        "/v1/%",
        "/v1/%4",
        "/v1/%zz",
        "/v1/%ff",
        "/v1/%c3%28",
        "/v1/a%ED%A0%80",
    ] {
        let path = Path::split(broken).unwrap();
        assert!(template.matches(&path));
        let (name, _) = template.values(&path).unwrap_err();
        assert_eq!(name, "account", "{broken}");
    }
}

#[test]
fn a_path_of_endless_segments_is_not_even_split() {
    assert!(Path::split(&"/a".repeat(65)).is_none());
    assert!(Path::split(&"/a".repeat(64)).is_some());
}

#[test]
fn a_template_outside_the_grammar_is_refused() {
    let broken = [
        "",
        "v1",
        "/",
        "/v1/",
        "//v1",
        "/v1/{a",
        "/v1/{a}b",
        "/v1/a{b}",
        "/v1/{}",
        "/v1/{a.}",
        "/v1/{a=}",
        "/v1/{a=b//c}",
        "/v1/**/b",
        "/v1/{a=**}/b",
        "/v1/a:",
        "/v1/a:b c",
        "/v1/%20",
        "/v1/{a}/{a}",
        "/v1/{a-b}",
        "/v1/a b",
    ];
    for template in broken {
        assert!(Template::parse(template).is_err(), "{template}");
    }
}

proptest! {
    #[test]
    fn whatever_text_stands_in_a_segment_comes_back_as_it_was(
        first in ".{1,20}", second in ".{1,20}",
    ) {
        let encode = |text: &str| -> String {
            text.bytes().map(|byte| format!("%{byte:02X}")).collect()
        };
        let path = format!("/v1/orders/{}/{}:cancel", encode(&first), encode(&second));
        let found = values("/v1/orders/{account}/{client_order_index}:cancel", &path);
        prop_assert_eq!(found, Some(vec![first, second]));
    }

    #[test]
    fn no_template_and_no_path_brings_the_parser_down(template in ".{0,60}", path in ".{0,60}") {
        if let (Ok(template), Some(path)) = (Template::parse(&template), Path::split(&path))
            && template.matches(&path)
        {
            let _ = template.values(&path);
        }
    }
}
