//! What every request is asked at the door, before anything is read of it: is its framing beyond
//! doubt (H18), is it meant for this server, and may the page that sends it call (H19).

use std::collections::HashSet;
use std::net::IpAddr;

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Uri, Version, header};

use crate::refusal::Refusal;

/// Who may call, and under which name.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    hosts: HashSet<String>,
    origins: HashSet<String>,
}

impl Guard {
    pub(crate) fn new(hosts: &[String], origins: &[String]) -> Self {
        Self {
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            origins: origins.iter().cloned().collect(),
        }
    }

    /// Returns the origin of the page that sends the request, when there is one and it may.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<Option<HeaderValue>, Refusal> {
        if request.version() < Version::HTTP_2 {
            check_framing(request)?;
        }
        let authority = authority(request)?;
        // Without this, a page could have its own name resolve to this machine and call as "same
        // origin".
        if !is_loopback(authority.host())
            && !self.hosts.contains(&authority.host().to_ascii_lowercase())
        {
            return Err(Refusal::ForeignHost {
                host: authority.host().to_owned(),
            });
        }
        let mut origins = request.headers().get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(None),
            (Some(origin), None) if self.may_call(origin, &authority) => Ok(Some(origin.clone())),
            (Some(origin), _) => {
                let origin = String::from_utf8_lossy(origin.as_bytes()).into_owned();
                Err(Refusal::ForeignOrigin { origin })
            }
        }
    }

    fn may_call(&self, origin: &HeaderValue, authority: &Authority) -> bool {
        let Ok(text) = origin.to_str() else {
            return false;
        };
        if self.origins.contains(text) {
            return true;
        }
        let Ok(uri) = text.parse::<Uri>() else {
            return false;
        };
        let plain = matches!(uri.scheme_str(), Some("http" | "https"));
        let whole = uri.path() == "/" && uri.query().is_none() && !text.ends_with('/');
        let Some(from) = uri.authority().filter(|_| plain && whole) else {
            return false;
        };
        !from.as_str().contains('@') && (is_loopback(from.host()) || from == authority)
    }
}

/// Refuses what two HTTP/1.1 implementations could read in two ways. What hyper resolves by itself
/// (two lengths, of which it keeps one) never gets here; a chunked body does, and could have come
/// with a length beside it that hyper has taken away.
fn check_framing<B>(request: &Request<B>) -> Result<(), Refusal> {
    let headers = request.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Refusal::Framing(
            "a body over HTTP/1.1 states its length: send content-length, not transfer-encoding",
        ));
    }
    if request.uri().authority().is_some() {
        return Err(Refusal::Framing(
            "the request target is a path, without scheme and host",
        ));
    }
    Ok(())
}

/// Returns the one host that the request is for.
fn authority<B>(request: &Request<B>) -> Result<Authority, Refusal> {
    let parse = |value: &HeaderValue| {
        let authority = Authority::try_from(value.as_bytes()).ok();
        let plain = authority.filter(|authority| !authority.as_str().contains('@'));
        plain.ok_or(Refusal::Framing("the host header is not a host"))
    };
    let sent = single_host(request.headers())?.map(parse).transpose()?;
    match (request.uri().authority(), sent) {
        (Some(stated), Some(sent)) if *stated != sent => Err(Refusal::Framing(
            "the host header differs from the request's authority",
        )),
        (Some(stated), _) => Ok(stated.clone()),
        (None, Some(sent)) => Ok(sent),
        (None, None) => Err(Refusal::Framing("the request names no host")),
    }
}

fn single_host(headers: &HeaderMap) -> Result<Option<&HeaderValue>, Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => Err(Refusal::Framing("the request names two hosts")),
        (host, None) => Ok(host),
    }
}

/// Returns whether a host is this machine by itself, not by the word of a name server.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}
