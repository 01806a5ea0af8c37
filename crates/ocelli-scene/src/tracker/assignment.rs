//! Sparse linear assignment with a price for staying alone.
//!
//! Shortest augmenting paths with dual prices (Jonker and Volgenant, "A Shortest Augmenting Path
//! Algorithm for Dense and Sparse Linear Assignment Problems", Computing 38, 1987), on adjacency
//! lists, since gating leaves a handful of candidates for each row. Every row may stay alone at
//! the cost `alone`, which stands for a private column.

use std::{cmp::Reverse, collections::BinaryHeap};

const NONE: u32 = u32::MAX;

/// One allowed pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    pub(crate) row: u32,
    pub(crate) column: u32,
    pub(crate) cost: f32,
}

/// Solves one problem after another in the same memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assignment {
    starts: Vec<u32>,
    edges: Vec<(u32, f32)>,
    row_price: Vec<f32>,
    column_price: Vec<f32>,
    column_of: Vec<u32>,
    row_of: Vec<u32>,
    distance: Vec<f32>,
    came_from: Vec<u32>,
    state: Vec<Reach>,
    touched: Vec<u32>,
    scanned_rows: Vec<(u32, f32)>,
    heap: BinaryHeap<Reverse<(Total, u32)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Far,
    Open,
    Done,
}

/// An `f32` with a total order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Total(f32);

impl Eq for Total {}

impl PartialOrd for Total {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Total {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Assignment {
    /// Finds the pairs of least total cost, where each row that stays alone costs `alone`. `pairs`
    /// must be sorted by row and hold finite costs. Returns the column of each row.
    pub(crate) fn solve(
        &mut self,
        rows: usize,
        columns: usize,
        pairs: &[Pair],
        alone: f32,
    ) -> &[u32] {
        self.begin(rows, columns, pairs, alone);
        for row in 0..rows {
            self.augment(row as u32, alone);
        }
        &self.column_of
    }

    /// The column of `row` in what [`Self::solve`] returned.
    pub(crate) fn column(found: &[u32], row: usize) -> Option<usize> {
        (found[row] != NONE).then_some(found[row] as usize)
    }

    fn begin(&mut self, rows: usize, columns: usize, pairs: &[Pair], alone: f32) {
        self.starts.clear();
        self.starts.resize(rows + 1, 0);
        self.edges.clear();
        self.row_price.clear();
        self.row_price.resize(rows, alone);
        for pair in pairs {
            self.starts[pair.row as usize + 1] += 1;
            self.edges.push((pair.column, pair.cost));
            let price = &mut self.row_price[pair.row as usize];
            *price = price.min(pair.cost);
        }
        for row in 0..rows {
            self.starts[row + 1] += self.starts[row];
        }
        reset(&mut self.column_price, columns, 0.0);
        reset(&mut self.column_of, rows, NONE);
        reset(&mut self.row_of, columns, NONE);
        reset(&mut self.distance, columns, f32::INFINITY);
        reset(&mut self.came_from, columns, NONE);
        reset(&mut self.state, columns, Reach::Far);
        self.touched.clear();
    }

    /// Finds the cheapest way to place `start`, moving others along it, and adjusts the prices.
    fn augment(&mut self, start: u32, alone: f32) {
        for column in self.touched.drain(..) {
            self.distance[column as usize] = f32::INFINITY;
            self.state[column as usize] = Reach::Far;
        }
        self.scanned_rows.clear();
        self.heap.clear();
        // The cheapest row on the way that could stay alone instead.
        let mut best_alone = (f32::INFINITY, start);
        let mut row = start;
        let mut reached = 0.0;
        let end = loop {
            self.scanned_rows.push((row, reached));
            let give_up = reached + alone - self.row_price[row as usize];
            if give_up < best_alone.0 {
                best_alone = (give_up, row);
            }
            self.open(row, reached);
            match self.nearest() {
                Some((distance, column)) if distance < best_alone.0 => {
                    self.state[column as usize] = Reach::Done;
                    reached = distance;
                    match self.row_of[column as usize] {
                        NONE => break Some((distance, column)),
                        next => row = next,
                    }
                }
                _ => break None,
            }
        };
        let length = end.map_or(best_alone.0, |(distance, _)| distance);
        self.adjust(length);
        let column = match end {
            Some((_, column)) => column,
            None => std::mem::replace(&mut self.column_of[best_alone.1 as usize], NONE),
        };
        if column != NONE {
            self.flip(column, start);
        }
    }

    fn open(&mut self, row: u32, reached: f32) {
        let (from, to) = (self.starts[row as usize], self.starts[row as usize + 1]);
        for edge in from..to {
            let (column, cost) = self.edges[edge as usize];
            let at = column as usize;
            if self.state[at] == Reach::Done {
                continue;
            }
            // Never below zero but for rounding.
            let step = (cost - self.row_price[row as usize] - self.column_price[at]).max(0.0);
            let distance = reached + step;
            if distance < self.distance[at] {
                if self.state[at] == Reach::Far {
                    self.state[at] = Reach::Open;
                    self.touched.push(column);
                }
                self.distance[at] = distance;
                self.came_from[at] = row;
                self.heap.push(Reverse((Total(distance), column)));
            }
        }
    }

    fn nearest(&mut self) -> Option<(f32, u32)> {
        while let Some(Reverse((Total(distance), column))) = self.heap.pop() {
            let at = column as usize;
            if self.state[at] == Reach::Open && distance <= self.distance[at] {
                return Some((distance, column));
            }
        }
        None
    }

    fn adjust(&mut self, length: f32) {
        for &(row, reached) in &self.scanned_rows {
            self.row_price[row as usize] += (length - reached).max(0.0);
        }
        for &column in &self.touched {
            let at = column as usize;
            if self.state[at] == Reach::Done {
                self.column_price[at] -= (length - self.distance[at]).max(0.0);
            }
        }
    }

    /// Gives `column` to the row it was reached from, that row's former column to its own, and so
    /// on back to `start`.
    fn flip(&mut self, column: u32, start: u32) {
        let mut column = column;
        loop {
            let row = self.came_from[column as usize];
            let former = std::mem::replace(&mut self.column_of[row as usize], column);
            self.row_of[column as usize] = row;
            if row == start {
                break;
            }
            column = former;
        }
    }
}

fn reset<T: Clone>(list: &mut Vec<T>, length: usize, value: T) {
    list.clear();
    list.resize(length, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The least cost by trying everything.
    fn least(rows: usize, pairs: &[Pair], alone: f32, row: usize, used: u32) -> f32 {
        if row == rows {
            return 0.0;
        }
        let mut best = alone + least(rows, pairs, alone, row + 1, used);
        for pair in pairs.iter().filter(|pair| pair.row as usize == row) {
            if used & (1 << pair.column) == 0 {
                let rest = least(rows, pairs, alone, row + 1, used | 1 << pair.column);
                best = best.min(pair.cost + rest);
            }
        }
        best
    }

    fn cost(found: &[u32], pairs: &[Pair], alone: f32) -> f32 {
        let mut used = Vec::new();
        let costs = (0..found.len()).map(|row| match Assignment::column(found, row) {
            None => alone,
            Some(column) => {
                assert!(
                    !used.contains(&column),
                    "column {column} is given out twice"
                );
                used.push(column);
                pairs
                    .iter()
                    .filter(|pair| pair.row as usize == row && pair.column as usize == column)
                    .map(|pair| pair.cost)
                    .fold(f32::INFINITY, f32::min)
            }
        });
        costs.collect::<Vec<f32>>().iter().sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn it_costs_as_little_as_trying_everything(
            rows in 0_usize..6,
            columns in 1_usize..6,
            dice in proptest::collection::vec((any::<bool>(), -30_i32..100), 36),
            alone in 0_i32..60,
        ) {
            let mut pairs = Vec::new();
            for row in 0..rows {
                for column in 0..columns {
                    let (allowed, cost) = dice[row * 6 + column];
                    if allowed {
                        let (row, column) = (row as u32, column as u32);
                        pairs.push(Pair { row, column, cost: cost as f32 / 4.0 });
                    }
                }
            }
            let alone = alone as f32 / 4.0;
            let mut assignment = Assignment::default();
            // Twice, in the same memory.
            assignment.solve(rows, columns, &pairs, alone);
            let found = assignment.solve(rows, columns, &pairs, alone).to_vec();
            let want = least(rows, &pairs, alone, 0, 0);
            let have = cost(&found, &pairs, alone);
            prop_assert!((have - want).abs() < 1e-3, "{have} {want} {found:?} {pairs:?}");
        }
    }
}
