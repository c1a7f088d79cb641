//! What may happen, one thing after another, and how a seed becomes a list of it.

use super::network::Fault;

/// Who something happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A node, by number; 0 is the requester's.
    Node(usize),
    /// The coordinator.
    Coordinator,
}

/// One thing that happens. Where nothing fits, nothing does. A fault befalls the call after so many others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The analyst asks a question, for so many seconds.
    Ask {
        /// Which question.
        question: u64,
        /// For how long it is open.
        validity: i64,
    },
    /// The analyst's browser sends the last question again.
    AskAgain,
    /// The analyst takes what there is.
    Close {
        /// Which of the queries.
        query: usize,
    },
    /// A node greets, publishing the edition its clock calls for.
    Greet(usize, Option<(usize, Fault)>),
    /// A node fetches work.
    Poll(usize, Option<(usize, Fault)>),
    /// A node fetches work and does all of it, as a serving node would, from this piece on.
    Serve(usize, usize, Option<(usize, Fault)>),
    /// A node does a piece of work it holds.
    Work {
        /// Which node.
        node: usize,
        /// Which piece.
        pick: usize,
        /// Whether it will do the same once more.
        again: bool,
        /// What befalls its calls.
        fault: Option<(usize, Fault)>,
    },
    /// A call that was sent before arrives, perhaps once more.
    Late(usize),
    /// The coordinator looks after questions whose time is over.
    Sweep,
    /// A process starts again from its files.
    Restart(Who),
    /// A clock jumps by so many seconds.
    Jump(Who, i64),
    /// Time passes for everybody.
    Pass(i64),
}

/// Nodes of a world.
pub(super) const NODES: usize = 3;
/// Different questions.
const QUESTIONS: usize = 5;

struct Dice(u64);

impl Dice {
    /// SplitMix64.
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn fault(&mut self) -> Option<(usize, Fault)> {
        let faults = [
            Fault::LoseRequest,
            Fault::LoseReply,
            Fault::StopBefore,
            Fault::StopAfter,
        ];
        (self.below(3) == 0).then(|| (self.below(6), self.pick(&faults)))
    }

    fn who(&mut self) -> Who {
        match self.below(NODES + 1) {
            NODES => Who::Coordinator,
            node => Who::Node(node),
        }
    }
}

/// The operations of a seed.
pub fn operations(seed: u64, length: usize) -> Vec<Op> {
    let mut dice = Dice(seed);
    (0..length)
        .map(|_| match dice.below(60) {
            0..=5 => Op::Ask {
                question: dice.below(QUESTIONS) as u64,
                validity: dice.pick(&[600, 86_400, 20 * 86_400]),
            },
            6 => Op::AskAgain,
            7 => Op::Close {
                query: dice.below(8),
            },
            8..=10 => Op::Greet(dice.below(NODES), dice.fault()),
            11..=34 => Op::Serve(dice.below(NODES), dice.below(8), dice.fault()),
            35..=38 => Op::Poll(dice.below(NODES), dice.fault()),
            39..=47 => Op::Work {
                node: dice.below(NODES),
                pick: dice.below(8),
                again: dice.below(4) == 0,
                fault: dice.fault(),
            },
            48..=51 => Op::Late(dice.below(32)),
            52 => Op::Sweep,
            53..=55 => Op::Restart(dice.who()),
            56 | 57 => Op::Jump(dice.who(), dice.pick(&[-7_200, -400, -60, 60, 400, 7_200])),
            58 => Op::Pass(dice.pick(&[1, 60, 3_600, 86_400])),
            // Rarely, and then everything that is open expires or belongs to another edition.
            _ => match dice.below(3) {
                0 => Op::Jump(dice.who(), dice.pick(&[-40 * 86_400, 40 * 86_400])),
                1 => Op::Pass(31 * 86_400),
                _ => Op::Pass(60),
            },
        })
        .collect()
}
