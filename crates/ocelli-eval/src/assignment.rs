//! Optimal one-to-one matching of few likely pairs.

use std::collections::BTreeMap;

/// A row and a column that may be matched, and what it is worth: above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) worth: f64,
}

/// The one-to-one choice of pairs of the greatest total worth, as indices into `pairs`. Rows and
/// columns that share no pair are solved apart, so a long list of short-lived names stays cheap.
pub(crate) fn best(pairs: &[Pair]) -> Vec<usize> {
    let mut chosen = Vec::new();
    for group in groups(pairs) {
        match group[..] {
            [only] => chosen.push(only),
            _ => chosen.extend(solve(pairs, &group)),
        }
    }
    chosen.sort_unstable();
    chosen
}

/// Indices of pairs that are connected through rows and columns.
fn groups(pairs: &[Pair]) -> Vec<Vec<usize>> {
    let mut parent: Vec<usize> = (0..pairs.len()).collect();
    let mut first_of_row = BTreeMap::new();
    let mut first_of_column = BTreeMap::new();
    for (index, pair) in pairs.iter().enumerate() {
        for first in [
            *first_of_row.entry(pair.row).or_insert(index),
            *first_of_column.entry(pair.column).or_insert(index),
        ] {
            let (a, b) = (root(&mut parent, first), root(&mut parent, index));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut groups = BTreeMap::<usize, Vec<usize>>::new();
    for index in 0..pairs.len() {
        groups
            .entry(root(&mut parent, index))
            .or_default()
            .push(index);
    }
    groups.into_values().collect()
}

fn root(parent: &mut [usize], mut index: usize) -> usize {
    while parent[index] != index {
        parent[index] = parent[parent[index]];
        index = parent[index];
    }
    index
}

/// Kuhn's Hungarian method in the form with row and column potentials that adds one row at a time
/// (Jonker and Volgenant 1987), over a dense matrix in which a pair that is not listed is worth 0.
fn solve(pairs: &[Pair], group: &[usize]) -> Vec<usize> {
    let numbers = |of: fn(&Pair) -> usize| {
        let mut list: Vec<usize> = group.iter().map(|&index| of(&pairs[index])).collect();
        list.sort_unstable();
        list.dedup();
        list
    };
    let (mut rows, mut columns) = (numbers(|pair| pair.row), numbers(|pair| pair.column));
    let turned = rows.len() > columns.len();
    if turned {
        std::mem::swap(&mut rows, &mut columns);
    }
    let mut worth = vec![0.0; rows.len() * columns.len()];
    let mut index_of = vec![usize::MAX; worth.len()];
    for &index in group {
        let Pair { row, column, .. } = pairs[index];
        let (row, column) = if turned { (column, row) } else { (row, column) };
        let place = |list: &[usize], value| list.binary_search(&value).unwrap_or_default();
        let cell = place(&rows, row) * columns.len() + place(&columns, column);
        if index_of[cell] == usize::MAX || pairs[index].worth > worth[cell] {
            worth[cell] = pairs[index].worth;
            index_of[cell] = index;
        }
    }
    let row_of = assign(&worth, rows.len(), columns.len());
    let chosen = row_of.iter().enumerate().filter_map(|(column, &row)| {
        let index = *index_of.get(row?.checked_mul(columns.len())? + column)?;
        (index != usize::MAX).then_some(index)
    });
    chosen.collect()
}

/// The row given to each column, `rows` <= `columns`, of the greatest total worth.
fn assign(worth: &[f64], rows: usize, columns: usize) -> Vec<Option<usize>> {
    let mut row_price = vec![0.0; rows];
    let mut column_price = vec![0.0; columns];
    let mut row_of = vec![None; columns];
    for start in 0..rows {
        // Shortest way from `start` to a free column, by reduced costs.
        let mut least = vec![f64::INFINITY; columns];
        let mut came_from: Vec<Option<usize>> = vec![None; columns];
        let mut done = vec![false; columns];
        let mut row = start;
        let mut last: Option<usize> = None;
        let end = loop {
            let mut step = (f64::INFINITY, None);
            for column in 0..columns {
                if done[column] {
                    continue;
                }
                let cost = -worth[row * columns + column] - row_price[row] - column_price[column];
                if cost < least[column] {
                    least[column] = cost;
                    came_from[column] = last;
                }
                if least[column] < step.0 {
                    step = (least[column], Some(column));
                }
            }
            let (length, Some(column)) = step else {
                break None;
            };
            // Move the potentials so that the next step costs nothing.
            row_price[start] += length;
            for other in 0..columns {
                if done[other] {
                    column_price[other] -= length;
                    if let Some(row) = row_of[other] {
                        row_price[row] += length;
                    }
                } else {
                    least[other] -= length;
                }
            }
            done[column] = true;
            last = Some(column);
            match row_of[column] {
                None => break Some(column),
                Some(next) => row = next,
            }
        };
        // Hand the columns on along the way.
        let mut column = end;
        while let Some(here) = column {
            column = came_from[here];
            row_of[here] = match column {
                Some(before) => row_of[before],
                None => Some(start),
            };
        }
    }
    row_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn most(pairs: &[Pair], rows: u32, columns: u32) -> f64 {
        let Some((pair, rest)) = pairs.split_first() else {
            return 0.0;
        };
        let without = most(rest, rows, columns);
        let (row, column) = (1 << pair.row, 1 << pair.column);
        if rows & row != 0 || columns & column != 0 {
            return without;
        }
        without.max(pair.worth + most(rest, rows | row, columns | column))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]
        #[test]
        fn it_is_worth_as_much_as_the_best_of_all_choices(
            dice in proptest::collection::vec((0_usize..6, 0_usize..7, 1_u32..40), 0..14),
        ) {
            let pairs: Vec<Pair> = dice
                .iter()
                .map(|&(row, column, worth)| Pair { row, column, worth: f64::from(worth) / 8.0 })
                .collect();
            let chosen = best(&pairs);
            let (mut rows, mut columns) = (Vec::new(), Vec::new());
            for &index in &chosen {
                prop_assert!(!rows.contains(&pairs[index].row));
                prop_assert!(!columns.contains(&pairs[index].column));
                rows.push(pairs[index].row);
                columns.push(pairs[index].column);
            }
            let have: f64 = chosen.iter().map(|&index| pairs[index].worth).sum();
            prop_assert!((have - most(&pairs, 0, 0)).abs() < 1e-9, "{have} {pairs:?} {chosen:?}");
        }
    }
}
