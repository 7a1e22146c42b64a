use chimera_venue::Credentials;

use super::*;
use crate::config::Config;

fn accounts() -> [Account; 2] {
    ["main", "hedge"].map(|name| Account::new(name).unwrap())
}

fn adapter() -> std::sync::Arc<dyn VenueAdapter> {
    let config: Config = serde_json::from_str(r#"{"venues": {"binance-usdm": {}}}"#).unwrap();
    config.venues().unwrap().remove(0).adapter
}

#[test]
fn f113_a_limit_of_accounts_is_there_once_an_account_and_one_of_addresses_once() {
    let adapter = adapter();
    let policy = cluster_policy(&*adapter, &accounts(), false);
    for limit in &adapter.rate_limits().limits {
        let count = policy
            .scopes
            .iter()
            .filter(|scope| is_scope(&scope.name, limit.scope))
            .count();
        assert_eq!(
            count,
            if limit.per_account { 2 } else { 1 },
            "{}",
            limit.scope
        );
    }
    assert!(policy.scopes.iter().any(|scope| scope.name == CONNECTIONS));
}

#[test]
fn f113_every_charge_of_a_request_names_a_scope_of_the_policy() {
    let adapter = adapter();
    let policy = cluster_policy(&*adapter, &accounts(), false);
    let credentials = Credentials::new("key", "secret");
    let asker = Asker {
        account: accounts()[0],
        credentials: &credentials,
    };
    let requests = [
        adapter.open_session().unwrap().request,
        adapter.position_mode().unwrap().request,
    ];
    for request in requests {
        let charges = charges(adapter.rate_limits(), &request, Some(asker));
        assert_eq!(charges.len(), request.charges.len());
        for (name, _) in charges {
            assert!(
                policy.scopes.iter().any(|scope| scope.name == name),
                "{name}"
            );
        }
    }
}

#[test]
fn encryption_is_required_unless_the_configuration_lets_go_of_it() {
    let policy = cluster_policy(&*adapter(), &accounts(), false);
    assert!(!policy.allow_plain_http);
    assert_eq!(policy.base_url.scheme(), "https");
    assert!(
        policy
            .websocket_urls
            .iter()
            .all(|url| url.scheme() == "wss")
    );
}
