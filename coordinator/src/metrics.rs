//! Counters in Prometheus' text format: requests by route and status, nodes online, queries by state.
//! Nothing in them depends on a register, an answer's content or a person.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// Port, method, route and status of a request.
type Answered = (&'static str, String, String, u16);

/// Counted requests.
#[derive(Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<Answered, u64>>,
}

impl Metrics {
    /// Counts a request. `route` is the pattern, not the path.
    pub fn request(&self, port: &'static str, method: &str, route: &str, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests
            .entry((port, method.to_owned(), route.to_owned(), status))
            .or_default() += 1;
    }

    /// The text, with numbers that are counted elsewhere.
    pub fn text(&self, nodes_online: usize, queries: &[(&str, i64)]) -> String {
        let mut text = String::from("# TYPE wi_http_requests_total counter\n");
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for ((port, method, route, status), count) in requests.iter() {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "wi_http_requests_total{{port=\"{port}\",method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}"
            );
        }
        let _ = writeln!(
            text,
            "# TYPE wi_nodes_online gauge\nwi_nodes_online {nodes_online}"
        );
        text.push_str("# TYPE wi_queries gauge\n");
        for (state, count) in queries {
            let _ = writeln!(text, "wi_queries{{state=\"{state}\"}} {count}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_written_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.request("web", "GET", "/health", 200);
        metrics.request("web", "GET", "/health", 200);
        let text = metrics.text(3, &[("released", 2)]);
        assert!(text.contains("wi_http_requests_total{port=\"web\",method=\"GET\",route=\"/health\",status=\"200\"} 2\n"));
        assert!(text.contains("wi_nodes_online 3\n"));
        assert!(text.contains("wi_queries{state=\"released\"} 2\n"));
    }
}
