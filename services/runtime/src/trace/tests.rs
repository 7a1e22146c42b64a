use super::*;

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn parse(text: &str) -> Option<TraceContext> {
    TraceContext::parse(&HeaderValue::from_bytes(text.as_bytes()).unwrap())
}

#[test]
fn a_traceparent_is_read_and_written_alike() {
    let trace = parse(GOOD).unwrap();
    assert_eq!(trace.trace_id(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert!(trace.is_sampled());
    assert_eq!(trace.header(), GOOD);
    assert_eq!(
        parse(TraceContext::root().header().to_str().unwrap()).map(|_| ()),
        Some(())
    );
}

#[test]
fn a_child_stays_in_its_trace_under_its_own_id() {
    let parent = parse(GOOD).unwrap();
    assert_eq!(parent.child().trace_id(), parent.trace_id());
    assert_ne!(parent.child().span_id(), parent.span_id());
}

#[test]
fn a_later_version_may_carry_more_fields() {
    assert!(parse(&GOOD.replacen("00-", "01-", 1)).is_some());
    assert!(parse(&format!("{}-more", GOOD.replacen("00-", "01-", 1))).is_some());
}

#[test]
fn an_unreadable_traceparent_is_as_good_as_none() {
    let bad = [
        String::new(),
        "00".into(),
        format!("{GOOD}-more"),
        GOOD.to_uppercase(),
        GOOD.replacen("00-", "ff-", 1),
        GOOD.replace('-', "_"),
        GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
        GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
        "é".repeat(28),
        format!("{}é", &GOOD[..53]),
    ];
    for text in bad {
        assert_eq!(parse(&text), None, "{text}");
    }
}
