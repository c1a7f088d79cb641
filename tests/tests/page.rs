//! The node's own page over real HTTP: who gets in, what it shows in both languages, what it refuses, and pausing from it.

use anyhow::{Context, Result, ensure};
use system_tests::city::City;
use system_tests::node::Node;
use system_tests::requester::{self, Requester, persons_by_municipio};
use system_tests::witness::Witness;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ORGANISATION: &str = "cooperativa-lambro";
const STUDY: &str = "page";

struct Reply {
    status: u16,
    head: String,
    body: String,
}

/// One exchange as a browser would have it, with exactly these header lines.
async fn exchange(address: &str, line: &str, headers: &[String], body: &str) -> Result<Reply> {
    let mut stream = TcpStream::connect(address).await?;
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\n{headers}content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (head, body) = text.split_once("\r\n\r\n").context("a reply")?;
    let status = head.split(' ').nth(1).context("a status")?.parse()?;
    Ok(Reply {
        status,
        head: head.to_lowercase(),
        body: body.to_owned(),
    })
}

struct Browser {
    address: String,
    cookie: String,
}

impl Browser {
    fn headers(&self) -> Vec<String> {
        vec![
            format!("host: {}", self.address),
            format!("cookie: {}", self.cookie),
        ]
    }

    async fn get(&self, path: &str) -> Result<Reply> {
        exchange(&self.address, &format!("GET {path}"), &self.headers(), "").await
    }

    async fn post(&self, path: &str, body: &str) -> Result<Reply> {
        let mut headers = self.headers();
        headers.push(format!("origin: http://{}", self.address));
        exchange(&self.address, &format!("POST {path}"), &headers, body).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_lets_in_who_holds_the_folder_and_nobody_else() -> Result<()> {
    let city = City::generate(0.001)?;
    let requester = Requester::new()?;
    let witness = Witness::start()?;
    let study = requester.sign_study(&requester::study(STUDY, &[ORGANISATION], 1_000_000_000))?;
    witness.publish(study.clone());
    let register = city.register(ORGANISATION);
    let key = requester.public_key();
    let mut node = Node::enrol(
        city.path(),
        ORGANISATION,
        &register,
        &key,
        &witness,
        &[STUDY],
    )
    .await?;
    let _process = node.start(None)?;
    witness.greeted(ORGANISATION, 1).await?;
    let ask = |rho| -> Result<String> {
        let request = requester::request(ORGANISATION, &study, &persons_by_municipio(rho))?;
        Ok(witness.offer(ORGANISATION, &requester.sign_request(&request)))
    };
    witness.answered(ORGANISATION, &ask(1_000_000)?, 1).await?;

    let link = node.command(&["open"], &[]).await?;
    let link = link
        .trim()
        .strip_prefix("http://")
        .context("a link")?
        .to_owned();
    let (address, path) = link.split_once('/').context("an address")?;
    let host = format!("host: {address}");
    let stranger = exchange(address, "GET /", std::slice::from_ref(&host), "").await?;
    assert_eq!(stranger.status, 401);
    assert!(
        stranger
            .head
            .contains("content-security-policy: default-src 'none'")
    );
    let wrong = exchange(address, "GET /enter/0000", std::slice::from_ref(&host), "").await?;
    assert_eq!(wrong.status, 401);
    // A name that somebody made point to this computer is not this page's.
    let rebound = format!(
        "host: evil.example:{}",
        address.rsplit(':').next().unwrap_or_default()
    );
    let rebound = exchange(address, &format!("GET /{path}"), &[rebound], "").await?;
    assert_eq!(rebound.status, 403);

    let entered = exchange(
        address,
        &format!("GET /{path}"),
        std::slice::from_ref(&host),
        "",
    )
    .await?;
    assert_eq!(entered.status, 303);
    let cookie = (entered.head.split("set-cookie: ").nth(1)).context("a cookie")?;
    ensure!(cookie.contains("httponly") && cookie.contains("samesite=strict"));
    let browser = Browser {
        address: address.to_owned(),
        cookie: cookie.split(';').next().unwrap_or_default().to_owned(),
    };
    let again = exchange(address, &format!("GET /{path}"), &[host], "").await?;
    assert_eq!(again.status, 401, "a link is good once");

    for (path, words) in [
        (
            "/",
            [
                "Collegato al coordinatore",
                "copia di sicurezza",
                "Nulla è in attesa",
            ],
        ),
        ("/questions", ["Risposta addebitata", STUDY, "1.000.000"]),
        ("/budget", ["Tetto per sempre", "<meter", "Studio page"]),
        (
            "/register",
            ["Righe lette", "nessuno di questi lascia il nodo", "Persone"],
        ),
    ] {
        let shown = browser.get(path).await?;
        assert_eq!(shown.status, 200, "{path}");
        for word in words {
            assert!(
                shown.body.contains(word),
                "{word} on {path}: {}",
                shown.body
            );
        }
        assert!(!shown.body.contains("<script"), "{path}");
    }
    assert_eq!(browser.post("/language", "language=en").await?.status, 303);
    assert!(
        browser
            .get("/")
            .await?
            .body
            .contains("Connected to the coordinator")
    );

    // Another site's form changes nothing.
    let mut foreign = browser.headers();
    foreign.push("origin: https://evil.example".to_owned());
    assert_eq!(
        exchange(address, "POST /pause", &foreign, "").await?.status,
        403
    );
    assert_eq!(browser.post("/pause", "").await?.status, 303);
    assert!(browser.get("/").await?.body.contains("paused"));
    assert!(node.dir().join("paused").exists());
    node.command(&["resume"], &[]).await?;
    // What was asked meanwhile is answered after the pause.
    let asked = ask(2_000_000)?;
    witness.answered(ORGANISATION, &asked, 1).await?;

    assert_eq!(browser.post("/leave", "").await?.status, 401);
    assert_eq!(browser.get("/").await?.status, 401);
    Ok(())
}
