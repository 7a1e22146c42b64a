use super::*;

#[derive(Debug, thiserror::Error)]
#[error("order {id} is too large: {quantity}")]
struct TooLarge {
    id: u32,
    quantity: String,
}

impl Fault for TooLarge {
    fn code(&self) -> Code {
        Code::ResourceExhausted
    }

    fn reason(&self) -> &'static str {
        "TOO_LARGE"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("id", self.id.to_string()),
            ("quantity", self.quantity.clone()),
        ]
    }

    fn fields(&self) -> Vec<FieldViolation> {
        vec![FieldViolation::new("quantity", "at most 5")]
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_millis(1_500))
    }

    fn quota(&self) -> Vec<QuotaViolation> {
        vec![QuotaViolation::new("account:main", "5 a day")]
    }
}

/// Sends a status through its wire form: HTTP headers and back.
fn over_the_wire(status: Status) -> Status {
    let response = status.into_http::<tonic::body::Body>();
    Status::from_header_map(response.headers()).unwrap()
}

#[test]
fn a_fault_survives_the_wire_whole() {
    let fault = TooLarge {
        id: 7,
        quantity: "12".into(),
    };
    let status = over_the_wire(fault.into_status());
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.message(), "order 7 is too large: 12");
    assert_eq!(reason_of(&status).as_deref(), Some("TOO_LARGE"));
    assert_eq!(facts_of(&status)["quantity"], "12");
    assert_eq!(
        fields_of(&status),
        [FieldViolation::new("quantity", "at most 5")]
    );
    assert_eq!(retry_after_of(&status), Some(Duration::from_millis(1_500)));
    assert_eq!(
        quota_of(&status),
        [QuotaViolation::new("account:main", "5 a day")]
    );
}

#[test]
fn every_invalid_field_is_named_with_what_would_be_valid() {
    let errors = vec![
        FieldError::new("price", "a multiple of 0.01").within("order"),
        FieldError::new("symbol", "not empty"),
    ];
    let status = over_the_wire(InvalidArgument::check(errors).unwrap_err().into_status());
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(reason_of(&status).as_deref(), Some("INVALID_FIELD"));
    assert_eq!(
        fields_of(&status)[0],
        FieldViolation::new("order.price", "a multiple of 0.01")
    );
    assert_eq!(fields_of(&status)[1].field, "symbol");
    assert_eq!(
        status.message(),
        "order.price: a multiple of 0.01; symbol: not empty"
    );
    assert!(InvalidArgument::check(Vec::new()).is_ok());
}

#[test]
fn h54_a_huge_text_is_cut_so_that_the_status_fits_into_trailers() {
    let huge = "é".repeat(1 << 20);
    let fault = InvalidArgument::check(vec![FieldError::new(&huge, &huge); 100]).unwrap_err();
    let response = fault.into_status().into_http::<tonic::body::Body>();
    let bytes: usize = response
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    assert!(bytes < 8 * 1_024, "{bytes} bytes of headers");
    let status = Status::from_header_map(response.headers()).unwrap();
    assert!(status.message().ends_with('…'));
    assert_eq!(reason_of(&status).as_deref(), Some("INVALID_FIELD"));
}

#[test]
fn the_reason_of_another_domain_is_not_taken_for_ours() {
    let details = ErrorDetails::with_error_info("RATE_LIMITED", "example.com", HashMap::new());
    let status = Status::with_error_details(Code::Unavailable, "foreign", details);
    assert_eq!(reason_of(&status), None);
    assert!(facts_of(&status).is_empty());
    assert_eq!(reason_of(&Status::internal("bare")), None);
}
