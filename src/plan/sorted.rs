//! Changes to a sorted list, all at once.

use std::cmp::Ordering;

/// Takes out the elements at the positions `gone`, which ascend, puts in those that `come`, and gives
/// back what was taken out. Of what stays, only what lies between the changes is handled one by one.
pub(super) fn splice<T>(
    list: &mut Vec<T>,
    gone: &[usize],
    mut come: Vec<T>,
    order: impl Fn(&T, &T) -> Ordering,
) -> Vec<T> {
    come.sort_by(&order);
    let position = |new: &T| list.partition_point(|known| order(known, new).is_lt());
    let positions: Vec<usize> = come.iter().map(position).collect();
    let first = gone.first().into_iter().chain(positions.first()).min();
    let Some(&first) = first else {
        return Vec::new();
    };
    let behind = gone.last().map(|last| last + 1);
    let behind = behind.into_iter().chain(positions.last().copied()).max();
    let behind = behind.unwrap_or(first);
    let mut gone = gone.iter().copied().peekable();
    let mut come = positions.into_iter().zip(come).peekable();
    let (mut taken, mut merged) = (Vec::new(), Vec::new());
    for (known, index) in list.drain(first..behind).zip(first..) {
        while let Some((_, new)) = come.next_if(|(position, _)| *position <= index) {
            merged.push(new);
        }
        if gone.next_if_eq(&index).is_some() {
            taken.push(known);
        } else {
            merged.push(known);
        }
    }
    merged.extend(come.map(|(_, new)| new));
    list.splice(first..first, merged);
    taken
}

#[cfg(test)]
mod tests {
    use super::splice;

    #[test]
    fn what_comes_stands_in_its_place_and_what_goes_is_given_back() {
        let mut list = vec![2, 4, 6, 8];
        let taken = splice(&mut list, &[1, 3], vec![9, 1, 4, 5], Ord::cmp);
        assert_eq!(taken, [4, 8]);
        assert_eq!(list, [1, 2, 4, 5, 6, 9]);
        assert_eq!(splice(&mut list, &[2], vec![3], Ord::cmp), [4]);
        assert!(splice(&mut list, &[], Vec::new(), Ord::cmp).is_empty());
        assert!(splice(&mut list, &[], vec![7], Ord::cmp).is_empty());
        assert_eq!(list, [1, 2, 3, 5, 6, 7, 9]);
        assert_eq!(
            splice(&mut list, &[0, 1, 2, 3, 4, 5, 6], vec![8], Ord::cmp).len(),
            7
        );
        assert_eq!(list, [8]);
    }
}
