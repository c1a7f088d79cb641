//! Public areas of the city: micro-areas and levels, their facts, outlines and neighbours.
//! Pure: it reads bytes it is given and never touches the network, a database or a register.

pub mod adjacency;
mod area_index;
pub mod city;
pub mod error;
pub mod facts;
pub mod geojson_input;
pub mod outline;
pub mod partition;
pub mod schematic;
mod sections;
pub mod simplify;
mod topology;

pub use adjacency::{Adjacency, Neighbour};
pub use area_index::AreaIndex;
pub use city::{City, LevelKeys};
pub use error::{GeographyError, Place, RingProblem};
pub use facts::{AreaFacts, Facts};
pub use geojson_input::read_outlines;
pub use outline::{Outline, Outlines, Polygon, Position, Ring};
pub use partition::{Level, MicroArea, Partition};
pub use schematic::schematic_outlines;
pub use sections::Sections;
pub use simplify::WebOutlines;
