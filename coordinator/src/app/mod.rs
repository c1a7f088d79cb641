//! What the coordinator does: one file per use case, from what came in to what is stored and who hears of it.
//! Each act commits together with its log entry; whoever waits is woken after the commit.

pub mod ask;
pub mod audience;
pub mod claim;
pub mod collect;
pub mod comparison;
pub mod consistent;
pub mod cubes;
mod cuts;
pub mod derive;
pub mod dispatch;
pub mod end;
pub mod enrol;
pub mod evidence;
pub mod export;
pub mod forecasts;
pub mod guarantee;
pub mod head;
pub mod intake;
pub mod limits;
pub mod margins;
pub mod offers;
pub mod oversight;
pub mod plan;
pub mod planning;
pub mod preview;
pub mod release;
pub mod restore;
pub mod second_witness;
pub mod session;
pub mod sign;
pub mod statistics;
pub mod stored_release;
pub mod study;
pub mod view;
pub mod volumes;
pub mod witness;
