//! The node's own page over real HTTP: who gets in, what it shows in both languages, what it refuses, and pausing from it.

use anyhow::{Context, Result, ensure};
use protocol::OfferNotice;
use std::path::Path;
use std::time::Duration;
use system_tests::city::City;
use system_tests::node::Node;
use system_tests::requester::{self, Requester, persons_by_municipio};
use system_tests::witness::Witness;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ORGANISATION: &str = "cooperativa-lambro";
const STUDY: &str = "page";
/// Of a certificate that is valid for a day: more than two thirds, less than all of it.
const AGEING: Duration = Duration::from_secs(20 * 3_600);

struct Reply {
    status: u16,
    head: String,
    body: String,
}

/// One exchange as a browser would have it, with exactly these header lines.
async fn exchange(address: &str, line: &str, headers: &[String], body: &str) -> Result<Reply> {
    let mut stream = TcpStream::connect(address).await?;
    let given = headers
        .iter()
        .any(|header| header.starts_with("content-type:"));
    let form = (!given).then(|| "content-type: application/x-www-form-urlencoded".to_owned());
    let headers: String = (headers.iter().chain(&form))
        .map(|header| format!("{header}\r\n"))
        .collect();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
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

/// Waits until a request waits for a person, and returns its id.
async fn waiting(node: &Node) -> Result<String> {
    for _ in 0..600 {
        let listed = node.command(&["requests", "list"], &[]).await?;
        if let Some(id) = listed.split_whitespace().next() {
            return Ok(id.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("no request waits")
}

/// What a form sends.
fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
        bytes.collect()
    };
    let fields = fields
        .iter()
        .map(|(name, text)| format!("{name}={}", encoded(text)));
    Vec::from_iter(fields).join("&")
}

/// A request is read in plain words and approved with the officer's key, and with no other.
async fn approves(browser: &Browser, node: &Node, id: &str) -> Result<()> {
    let home = browser.get("/").await?;
    ensure!(
        home.body
            .contains("Richieste che attendono una decisione: 1"),
        "{}",
        home.body
    );
    let listed = browser.get("/approvals").await?;
    for words in ["comune-milano", "Art. 6(1)(e) GDPR", "per municipio"] {
        ensure!(listed.body.contains(words), "{words}: {}", listed.body);
    }
    let one = browser.get(&format!("/approvals/{id}/approve")).await?;
    for words in [
        "rho 0,001 del budget",
        "volte su 100",
        "non si torna indietro",
    ] {
        ensure!(one.body.contains(words), "{words}: {}", one.body);
    }
    let key = std::fs::read_to_string(node.officer_key())?;
    let stranger = node.officer_key().with_file_name("stranger.key");
    let made = ["keygen", "--out", stranger.to_str().context("a path")?];
    system_tests::process::run_ok("node-agent", &made, "").await?;
    let stranger = std::fs::read_to_string(stranger)?;
    let path = format!("/approvals/{id}/approve");
    for (reason, with, words) in [
        ("serve al piano", "no key", "testo di un file di chiave"),
        ("serve al piano", &*stranger, "non è di un responsabile"),
        ("", &*key, "Il motivo"),
    ] {
        let refused = browser
            .post(&path, &form(&[("reason", reason), ("key", with)]))
            .await?;
        ensure!(
            refused.status == 422 && refused.body.contains(words),
            "{words}: {}",
            refused.body
        );
        // What was pasted is not shown again.
        ensure!(
            !refused
                .body
                .contains(with.lines().nth(1).unwrap_or("no key"))
        );
    }
    // A password field joins the lines of what is pasted.
    let pasted = key.replace('\n', " ");
    let said = browser
        .post(
            &path,
            &form(&[("reason", "serve al piano"), ("key", &pasted)]),
        )
        .await?;
    ensure!(said.status == 303, "{}", said.body);
    let again = browser
        .post(&path, &form(&[("reason", "ancora"), ("key", &key)]))
        .await?;
    ensure!(again.status == 422 && again.body.contains("non attende più"));
    Ok(())
}

/// A list is read from a file as a browser sends it, in any encoding; what is none is refused.
async fn uploads_a_list(browser: &Browser, code: &str) -> Result<()> {
    let upload = async |content: &str| {
        let body = format!(
            "--b0\r\ncontent-disposition: form-data; name=\"list\"; filename=\"elenco.csv\"\r\ncontent-type: text/csv\r\n\r\n\
             {content}\r\n--b0\r\ncontent-disposition: form-data; name=\"reason\"\r\n\r\nerasure\r\n--b0--\r\n"
        );
        let mut headers = browser.headers();
        headers.push(format!("origin: http://{}", browser.address));
        headers.push("content-type: multipart/form-data; boundary=b0".to_owned());
        exchange(&browser.address, "POST /objections/list", &headers, &body).await
    };
    // The register's own column, among others, in whatever order; the example of the agency and one that is wrong.
    let list = format!("NOTE;codice_fiscale\r\nx;{code}\r\ny;RSSMRA80A01F206Z\r\nz;RSSMRA\r\n");
    let entered = upload(&list).await?;
    for words in [
        "Aggiunte: 1",
        "erano già: 1",
        "non sono state aggiunte: 1 (per numero di riga: 4)",
    ] {
        ensure!(entered.body.contains(words), "{words}: {}", entered.body);
    }
    ensure!(entered.status == 422 && !entered.body.contains("RSSMRA"));
    let sheet = upload("PK\x03\x04").await?;
    ensure!(
        sheet.status == 422 && sheet.body.contains("salvate il foglio come CSV"),
        "{}",
        sheet.body
    );
    Ok(())
}

/// Somebody who objected is entered, never shown again, and taken off.
async fn enters_an_objection(browser: &Browser) -> Result<()> {
    // Valid: the example of the tax agency's own documentation.
    const CODE: &str = "RSSMRA85T10A562S";
    let people = |text: &str| form(&[("people", text), ("reason", "objection")]);
    let wrong = browser
        .post(
            "/objections",
            &people(&format!("{CODE}\r\nRSSMRA85T10A562X")),
        )
        .await?;
    // Nobody is lost for another's line.
    ensure!(
        wrong.status == 422
            && wrong.body.contains("Aggiunte: 1")
            && wrong
                .body
                .contains("non sono state aggiunte: 1 (per numero di riga: 2)"),
        "{}",
        wrong.body
    );
    ensure!(!wrong.body.contains(CODE) && !wrong.body.contains("RSSMRA85T10A562X"));
    let empty = browser.post("/objections", &people(" \r\n")).await?;
    ensure!(
        empty.status == 422 && empty.body.contains("vuoto"),
        "{}",
        empty.body
    );
    uploads_a_list(browser, CODE).await?;
    let again = browser.post("/objections", &people(CODE)).await?;
    ensure!(again.body.contains("C'erano già: 1"), "{}", again.body);
    let entry = again
        .body
        .split("href=\"/objections/")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let path = format!("/objections/{}", entry.context("an entry")?);
    ensure!(
        browser
            .get(&path)
            .await?
            .body
            .contains("conteranno di nuovo")
    );
    ensure!(browser.post(&path, "").await?.status == 303);
    ensure!(browser.get(&path).await?.status == 404);
    Ok(())
}

/// Walks the page in headless Chromium under axe, and refuses the request that waits. False where this machine has none.
async fn walk_in_a_browser(node: &Node, home: &Path) -> Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Some(reason) = missing_for_browsers(&root) {
        ensure!(
            std::env::var("CI").as_deref() != Ok("true"),
            "in CI this must run: {reason}"
        );
        println!("SKIPPED: {reason}");
        return Ok(false);
    }
    let link = node.command(&["open"], &[]).await?;
    let walk = home.join("node-page.json");
    let described = serde_json::json!({ "link": link.trim(), "key": std::fs::read_to_string(node.officer_key())? });
    std::fs::write(&walk, described.to_string())?;
    let mut command = std::process::Command::new("node");
    command
        .arg(root.join("tests/browser/node-page.mjs"))
        .arg(walk);
    if let Ok(folder) = std::env::var("WI_SCREENSHOTS") {
        command.args(["--screenshots", &folder]);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    println!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(output.status.success(), "the browser found faults");
    Ok(true)
}

/// What the walk needs and this machine lacks.
fn missing_for_browsers(root: &Path) -> Option<&'static str> {
    let runs = |program: &str| {
        std::process::Command::new(program)
            .arg("--version")
            .output()
            .is_ok()
    };
    let browser = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    if !runs("node") {
        Some("Node is not installed")
    } else if !runs(&browser) {
        Some("Chromium is not installed")
    } else if !root
        .join("coordinator/web/node_modules/playwright-core")
        .exists()
    {
        Some("coordinator/web/node_modules is not installed: run `npm ci` there")
    } else {
        None
    }
}

/// Comes in by the one-time link.
async fn enter(node: &Node) -> Result<Browser> {
    let link = node.command(&["open"], &[]).await?;
    let link = link.trim().strip_prefix("http://").context("a link")?;
    let (address, path) = link.split_once('/').context("an address")?;
    let host = format!("host: {address}");
    let entered = exchange(address, &format!("GET /{path}"), &[host], "").await?;
    let cookie = (entered.head.split("set-cookie: ").nth(1)).context("a cookie")?;
    Ok(Browser {
        address: address.to_owned(),
        cookie: cookie.split(';').next().unwrap_or_default().to_owned(),
    })
}

/// Waits until an offer of that version was handed in.
async fn offered(witness: &Witness, revision: u64) -> Result<OfferNotice> {
    let found = |desk: &system_tests::witness::Desk| {
        let mut read = (desk.published_offers.iter()).filter_map(|envelope| {
            OfferNotice::verify(envelope, &desk.node_key, ORGANISATION).ok()
        });
        read.find(|notice| notice.revision == revision)
    };
    (witness.when(ORGANISATION, found).await)
        .with_context(|| format!("version {revision} of the offer was never handed in"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_cannot_build_its_edition_says_why_on_its_page_and_answers_nothing()
-> Result<()> {
    let city = City::generate(0.001)?;
    let requester = Requester::new()?;
    let witness = Witness::start()?;
    witness.issue_aged(AGEING);
    let register = city.register(ORGANISATION);
    let away = register.with_extension("away");
    let key = requester.public_key();
    let home = city.path();
    let mut node = Node::enrol(home, ORGANISATION, &register, &key, &witness, &[]).await?;
    std::fs::rename(&register, &away)?;
    let mut process = node.start(None)?;
    process.printed("the certificate was renewed").await?;
    let mut shown = None;
    for _ in 0..600 {
        if node.dir().join("page.address").exists() {
            let browser = enter(&node).await?;
            let home = browser.get("/").await?;
            if home.body.contains("non si è potuta costruire") {
                shown = Some((browser, home.body));
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (browser, home) = shown.context("the page says that the edition could not be built")?;
    for words in [
        "dataset.register",
        "node.toml",
        "non risponde a nessuna domanda",
    ] {
        assert!(home.contains(words), "{words}: {home}");
    }
    for path in [
        "/questions",
        "/budget",
        "/register",
        "/targets",
        "/objections",
        "/log",
    ] {
        assert_eq!(browser.get(path).await?.status, 200, "{path}");
    }
    // What the organisation makes known of itself, and takes back, does not wait for the register.
    let file = city.offer(ORGANISATION);
    let publish = ["--file", file.to_str().context("a path")?];
    node.command(&["offer", "publish"], &publish).await?;
    ensure!(!offered(&witness, 1).await?.offer.sites.is_empty());
    node.command(&["offer", "withdraw"], &[]).await?;
    ensure!(offered(&witness, 2).await?.offer.sites.is_empty());
    assert!(witness.desk(ORGANISATION, |desk| desk.hellos.is_empty()));
    let alarms = (node.log().await?.into_iter())
        .filter(|entry| entry.header.text("code") == Some("edition-not-built"));
    assert_eq!(alarms.count(), 1);
    drop(process);

    std::fs::rename(&away, &register)?;
    let process = node.start(None)?;
    witness.greeted(ORGANISATION, 1).await?;
    let home = enter(&node).await?.get("/").await?.body;
    assert!(!home.contains("non si è potuta costruire"), "{home}");
    drop(process);

    // Nor does it wait for the end of a pause.
    node.command(&["pause"], &[]).await?;
    let _process = node.start(None)?;
    node.command(&["offer", "publish"], &publish).await?;
    offered(&witness, 3).await?;
    assert_eq!(witness.desk(ORGANISATION, |desk| desk.hellos.len()), 1);
    Ok(())
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
    // Every question waits for a person.
    let at_once = node.command(&["policy", "show"], &["--document"]).await?;
    node.replace_policy(&at_once.replace("approval = \"auto\"", "approval = \"manual\""))
        .await?;
    let _process = node.start(None)?;
    witness.greeted(ORGANISATION, 1).await?;
    let ask = |rho| -> Result<String> {
        let request = requester::request(ORGANISATION, &study, &persons_by_municipio(rho))?;
        Ok(witness.offer(ORGANISATION, &requester.sign_request(&request)))
    };
    let first = ask(1_000_000)?;
    let id = waiting(&node).await?;

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
    let port = address.rsplit(':').next().unwrap_or_default();
    ensure!(cookie.starts_with(&format!("wi-node-{port}=")));
    let browser = Browser {
        address: address.to_owned(),
        cookie: cookie.split(';').next().unwrap_or_default().to_owned(),
    };
    let again = exchange(address, &format!("GET /{path}"), &[host], "").await?;
    assert_eq!(again.status, 401, "a link is good once");

    approves(&browser, &node, &id).await?;
    witness.answered(ORGANISATION, &first, 1).await?;
    enters_an_objection(&browser).await?;
    let too_dear = ask(300_000_000)?;
    witness.answered(ORGANISATION, &too_dear, 1).await?;

    for (path, words) in [
        (
            "/",
            [
                "Collegato al coordinatore",
                "copia di sicurezza",
                "Nulla è in attesa",
            ],
        ),
        (
            "/questions",
            [
                "quante persone hanno avuto almeno un servizio, per municipio",
                "Study page",
                "rho 0,001 ",
            ],
        ),
        (
            "/questions",
            [
                "Risposta addebitata",
                "Rifiutata",
                "più di quanto lo studio consente",
            ],
        ),
        (
            "/approvals",
            ["Nessuna richiesta attende", "approvata", STUDY],
        ),
        (
            "/targets",
            [
                "Gruppi valutabili",
                "se la politica lo nomina",
                "micro-area",
            ],
        ),
        (
            "/log",
            ["Edizione", "Righe lette", "non lascia mai il nodo"],
        ),
        ("/budget", ["Tetto per sempre", "<meter", "Studio «page»"]),
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
    // The reply to the call before the pause is still to come; what it brings is not taken in.
    let asked = ask(2_000_000)?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let listed = node.command(&["requests", "list"], &[]).await?;
    ensure!(listed.trim().is_empty(), "taken in while paused: {listed}");
    node.command(&["resume"], &[]).await?;
    // It waits after the pause, and is refused in a real browser.
    waiting(&node).await?;
    if walk_in_a_browser(&node, city.path()).await? {
        witness.answered(ORGANISATION, &asked, 1).await?;
        assert_eq!(node.balance().await?.charges, 1, "a refusal costs nothing");
    }

    assert_eq!(browser.post("/leave", "").await?.status, 401);
    assert_eq!(browser.get("/").await?.status, 401);
    Ok(())
}
