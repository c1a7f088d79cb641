//! An answer that was altered in the database after it was accepted is noticed when it is composed, by the process that accepted it and by
//! one that did not.

mod support;

use coordinator::app::end;
use protocol::exchange::AnswerStatus;
use protocol::{Envelope, Request};
use serde_json::json;
use support::{Bed, Node, question};

/// Puts other bytes in the place of a stored answer, with a hash that fits them, past the trigger that forbids it.
async fn alter(bed: &Bed, request: &Envelope, envelope: &Envelope) {
    let (request, _) = Request::parse(&request.unverified_payload().unwrap()).unwrap();
    let payload = envelope.unverified_payload().unwrap();
    let mut transaction = bed.app.database.write().await.unwrap();
    sqlx::query("DROP TRIGGER IF EXISTS answers_update")
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query("UPDATE answers SET envelope = $2, payload_hash = $3 WHERE request = $1")
        .bind(request.id)
        .bind(envelope.to_bytes())
        .bind(&protocol::sha256(&payload)[..])
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn what_was_altered_is_not_composed_until_it_is_put_right() {
    for of_format_2 in [false, true] {
        let bed = Bed::new().await;
        let city = bed.city().await;
        let [comune, lambro, ortica] = &city.nodes;
        let seal = |node: &Node<'_>, request: &Envelope, value| {
            let cells = Node::cells(request, value);
            if of_format_2 {
                node.sealed(request, cells)
            } else {
                node.answer(request, cells)
            }
        };
        let id = city.asked(&question(1_000_000), "key").await;
        comune.answers(1).await.expect(200);
        let request = lambro.handed().await;
        let answer = seal(lambro, &request, 4);
        let reply = lambro.post("/node/v1/answers", &answer).await.expect(200);
        assert_eq!(reply.json()["status"], json!(AnswerStatus::Accepted));

        // Another answer of the same node to the same request, rightly signed: only who verified the first one can tell.
        let other = seal(lambro, &request, 5);
        alter(&bed, &request, &other).await;
        ortica.answers(2).await.expect(200);
        assert_eq!(city.view(&id).await["state"], "collecting");
        assert!(end::sweep(&bed.app).await.is_err());

        // Cells that nobody signed: whoever reads them can tell.
        let forged = if of_format_2 {
            Envelope {
                attachment: other.attachment,
                ..answer.clone()
            }
        } else {
            Envelope {
                payload: other.payload,
                ..answer.clone()
            }
        };
        alter(&bed, &request, &forged).await;
        assert!(end::sweep(&bed.app).await.is_err());
        let (parsed, _) = Request::parse(&request.unverified_payload().unwrap()).unwrap();
        bed.app.vouched.forget([parsed.id.as_str()].into_iter());
        assert!(end::sweep(&bed.app).await.is_err());
        assert_eq!(city.view(&id).await["state"], "collecting");

        // Put right, it composes also where nothing is remembered.
        alter(&bed, &request, &answer).await;
        // What somebody is concluding already is left to them.
        let begun = bed.app.concluding.begin(&id);
        end::sweep(&bed.app).await.unwrap();
        assert_eq!(city.view(&id).await["state"], "collecting");
        drop(begun);
        end::sweep(&bed.app).await.unwrap();
        let view = city.view(&id).await;
        let path = format!("/api/v1/releases/{}", view["release"].as_str().unwrap());
        let release = city.analyst.get(&path).await.expect(200).json();
        assert_eq!(release["values"][0], 7);
    }
}

#[tokio::test]
async fn answers_that_come_together_are_stored_each_once_and_conclude_the_query() {
    let bed = Bed::new().await;
    let city = bed.city().await;
    let [comune, lambro, ortica] = &city.nodes;
    let id = city.asked(&question(1_000_000), "key").await;
    let requests = [
        comune.handed().await,
        lambro.handed().await,
        ortica.handed().await,
    ];
    let answers: Vec<Envelope> = (city.nodes.iter().zip(&requests))
        .map(|(node, request)| node.sealed(request, Node::cells(request, 10)))
        .collect();
    // One node hands in twice, and one in another's name.
    let replies = tokio::join!(
        comune.post("/node/v1/answers", &answers[0]),
        lambro.post("/node/v1/answers", &answers[1]),
        lambro.post("/node/v1/answers", &answers[1]),
        lambro.post("/node/v1/answers", &answers[2]),
        ortica.post("/node/v1/answers", &answers[2]),
    );
    let statuses = [
        replies.0.expect(200).json()["status"].clone(),
        replies.1.expect(200).json()["status"].clone(),
        replies.2.expect(200).json()["status"].clone(),
        replies.4.expect(200).json()["status"].clone(),
    ];
    let accepted = statuses.iter().filter(|status| *status == "accepted");
    assert_eq!(accepted.count(), 3, "{statuses:?}");
    replies.3.refused(404, "unknown-request");
    let view = city.view(&id).await;
    assert_eq!(view["state"], "released");
    let path = format!("/api/v1/releases/{}", view["release"].as_str().unwrap());
    let release = city.analyst.get(&path).await.expect(200).json();
    assert_eq!(release["values"][0], 30);
}
