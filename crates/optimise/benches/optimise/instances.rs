//! Problems to measure with: files of the OR-Library, and seeded random cities.

use optimise::median::{Count, Instance, Network, Standing};
use optimise::{Cost, Demand, Model, Problem, Site};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// A p-median file: vertices, edges, p, then edges. The last of several edges between the same vertices counts, and
/// shortest paths make the costs.
pub(crate) fn p_median(path: &Path) -> Result<Instance, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let mut numbers = text.split_whitespace().map(str::parse::<usize>);
    let mut next = || -> Result<usize, Box<dyn Error>> {
        Ok(numbers.next().ok_or("the file ends too early")??)
    };
    let (vertices, edges, p) = (next()?, next()?, next()?);
    let mut cost = vec![f64::INFINITY; vertices * vertices];
    for vertex in 0..vertices {
        cost[vertex * vertices + vertex] = 0.0;
    }
    for _ in 0..edges {
        let (from, to, length) = (next()? - 1, next()? - 1, next()? as f64);
        cost[from * vertices + to] = length;
        cost[to * vertices + from] = length;
    }
    for over in 0..vertices {
        let through = cost[over * vertices..(over + 1) * vertices].to_vec();
        for from in 0..vertices {
            let leg = cost[from * vertices + over];
            if leg.is_finite() {
                for (to, rest) in through.iter().enumerate() {
                    let direct = &mut cost[from * vertices + to];
                    *direct = direct.min(leg + rest);
                }
            }
        }
    }
    let rows = (cost.chunks(vertices)).map(|row| {
        (0..vertices as u32)
            .zip(row.iter().copied())
            .filter(|(_, cost)| cost.is_finite())
            .collect()
    });
    Ok(plain(vertices, rows.collect(), vec![1.0; vertices], 1e6, p))
}

/// A warehouse location file, capacities included.
pub(crate) struct Warehouses {
    pub(crate) capacity: Vec<f64>,
    pub(crate) fixed: Vec<f64>,
    pub(crate) demand: Vec<f64>,
    /// Of each customer, the cost of serving all of its demand from each warehouse.
    pub(crate) cost: Vec<Vec<f64>>,
}

/// Reads a warehouse location file. Some of these files break a fixed cost in two (`1250 0.00000`), which is why the
/// rest of a warehouse's line is put together.
pub(crate) fn warehouses(path: &Path) -> Result<Warehouses, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    let head: Vec<usize> = (lines.next().ok_or("the file is empty")?.split_whitespace())
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let [sites, customers] = head[..] else {
        return Err("the first line must give warehouses and customers".into());
    };
    let (mut capacity, mut fixed) = (Vec::new(), Vec::new());
    for _ in 0..sites {
        let mut words = lines
            .next()
            .ok_or("a warehouse is missing")?
            .split_whitespace();
        capacity.push(words.next().ok_or("a capacity is missing")?.parse()?);
        fixed.push(words.collect::<String>().parse()?);
    }
    let mut numbers = lines.flat_map(str::split_whitespace).map(str::parse::<f64>);
    let mut next =
        || -> Result<f64, Box<dyn Error>> { Ok(numbers.next().ok_or("the file ends too early")??) };
    let (mut demand, mut cost) = (Vec::new(), Vec::new());
    for _ in 0..customers {
        demand.push(next()?);
        cost.push((0..sites).map(|_| next()).collect::<Result<_, _>>()?);
    }
    Ok(Warehouses {
        capacity,
        fixed,
        demand,
        cost,
    })
}

fn plain(
    sites: usize,
    rows: Vec<Vec<(u32, f64)>>,
    weight: Vec<f64>,
    outside: f64,
    p: usize,
) -> Instance {
    Instance {
        outside: vec![outside; rows.len()],
        network: Arc::new(Network::new(sites, rows)),
        weight,
        fixed: vec![0.0; sites],
        standing: vec![Standing::Free; sites],
        count: Count::Exactly(p),
    }
}

/// A seeded stream of uniform numbers.
pub(crate) struct Uniform(pub(crate) u64);

impl Uniform {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal.
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.next()).ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }
}

fn places(random: &mut Uniform, number: usize) -> Vec<(f64, f64)> {
    (0..number)
        .map(|_| (60.0 * random.next(), 60.0 * random.next()))
        .collect()
}

fn minutes(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// A random city: areas with uneven demand, sites anywhere, minutes as the crow flies over an hour's square.
pub(crate) fn city(seed: u64, areas: usize, sites: usize, p: usize) -> Instance {
    let mut random = Uniform(seed);
    let (homes, places) = (places(&mut random, areas), places(&mut random, sites));
    let rows = (homes.iter())
        .map(|&home| {
            (0..sites as u32)
                .zip(places.iter().map(|&place| minutes(home, place)))
                .collect()
        })
        .collect();
    let weight = (0..areas)
        .map(|_| (4.0 + random.normal()).exp().round())
        .collect();
    plain(sites, rows, weight, 1e6, p)
}

/// A random covering problem: what counts is the demand within `radius` minutes of an open site.
pub(crate) fn covering(seed: u64, areas: usize, sites: usize, p: usize, radius: f64) -> Instance {
    let mut random = Uniform(seed);
    let (homes, places) = (places(&mut random, areas), places(&mut random, sites));
    let rows = (homes.iter())
        .map(|&home| {
            (0..sites as u32)
                .zip(&places)
                .filter(|&(_, &place)| minutes(home, place) <= radius)
                .map(|(site, _)| (site, 0.0))
                .collect()
        })
        .collect();
    let weight = (0..areas)
        .map(|_| (100.0 * random.next()).round())
        .collect();
    plain(sites, rows, weight, 1.0, p)
}

/// A random city whose sites have places, further modules and a cost: a budget opens about one in ten of them, and whoever finds
/// no place within half an hour counts as two hours.
pub(crate) fn with_places(seed: u64, areas: usize, sites: usize, budget: f64) -> Problem {
    let mut random = Uniform(seed);
    let (homes, spots) = (places(&mut random, areas), places(&mut random, sites));
    let demand: Vec<Demand> = (0..areas)
        .map(|at| Demand {
            id: format!("a{at}"),
            demand: (3.0 + 0.6 * random.normal()).exp().round(),
            ..Demand::default()
        })
        .collect();
    let sites = (0..sites)
        .map(|at| Site {
            id: format!("s{at}"),
            capacity: Some((150.0 + 450.0 * random.next()).round()),
            fixed_cost: (100_000.0 + 100_000.0 * random.next()).round(),
            running_cost: 60_000.0,
            modules: 3,
            module_capacity: 120.0,
            module_cost: 20_000.0,
            ..Site::default()
        })
        .collect();
    let costs = (homes.iter().enumerate())
        .flat_map(|(from, &home)| {
            (spots.iter().enumerate()).map(move |(to, &spot)| Cost {
                from_id: format!("a{from}"),
                to_id: format!("s{to}"),
                minutes: minutes(home, spot),
            })
        })
        .collect();
    let mut problem = Problem::new(Model::LocationAllocation, demand, sites, costs);
    (problem.budget, problem.unmet_cost) = (Some(budget), Some(120.0));
    (problem.radius, problem.explain) = (Some(30.0), false);
    problem
}
