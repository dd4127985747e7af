//! Delta debugging: the few items of many that a failure takes (Zeller and Hildebrandt, "Simplifying and Isolating
//! Failure-Inducing Input", TSE 2002). Knows no scenario.

/// As few of the items as `first` still finds failing, in their order. `first` is given lists of which each might do, the
/// shorter ones first, and says which is the first to fail, if any is. The result is minimal in so far as no
/// single item of it can be left out.
pub(super) fn ddmin<T: Clone>(
    items: &[T],
    first: &mut dyn FnMut(&[Vec<T>]) -> Option<usize>,
) -> Vec<T> {
    let mut kept = items.to_vec();
    if kept.is_empty() || first(&[Vec::new()]).is_some() {
        return Vec::new();
    }
    let mut parts = 2;
    while kept.len() > 1 {
        let subsets = split(&kept, parts);
        let complements = (0..subsets.len()).map(|left_out| {
            let others = subsets.iter().enumerate().filter(|(at, _)| *at != left_out);
            others.flat_map(|(_, subset)| subset.clone()).collect()
        });
        // Of two parts each is the other's complement.
        let mut candidates = subsets.clone();
        if parts > 2 {
            candidates.extend(complements);
        }
        match first(&candidates) {
            Some(at) if at < subsets.len() => {
                kept = candidates.swap_remove(at);
                parts = 2;
            }
            Some(at) => {
                kept = candidates.swap_remove(at);
                parts = (parts - 1).max(2);
            }
            None if parts >= kept.len() => break,
            None => parts = (parts * 2).min(kept.len()),
        }
    }
    kept
}

/// The items in so many parts of nearly the same size, none of them empty.
fn split<T: Clone>(items: &[T], parts: usize) -> Vec<Vec<T>> {
    let bounds = |part: usize| part * items.len() / parts;
    let parts = (0..parts).map(|part| items[bounds(part)..bounds(part + 1)].to_vec());
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::ddmin;

    /// Minimises `0..count` for a rule, and counts the candidates.
    fn minimal(count: u32, fails: impl Fn(&[u32]) -> bool) -> (Vec<u32>, usize) {
        let items: Vec<u32> = (0..count).collect();
        let mut tried = 0;
        let kept = ddmin(&items, &mut |candidates| {
            tried += candidates.len();
            candidates.iter().position(|candidate| fails(candidate))
        });
        (kept, tried)
    }

    #[test]
    fn the_items_that_it_takes_are_left_wherever_they_are() {
        let both = |items: &[u32]| items.contains(&3) && items.contains(&77);
        let (kept, tried) = minimal(100, both);
        assert_eq!(kept, [3, 77]);
        assert!(tried < 250, "{tried} candidates");
        assert_eq!(minimal(100, |items| items.contains(&99)).0, [99]);
        let (kept, _) = minimal(64, |items| [1, 20, 21, 60].iter().all(|it| items.contains(it)));
        assert_eq!(kept, [1, 20, 21, 60]);
    }

    #[test]
    fn nothing_is_left_where_nothing_is_needed_and_all_where_all_is() {
        assert_eq!(minimal(10, |_| true).0, [] as [u32; 0]);
        assert_eq!(minimal(7, |items| items.len() == 7).0.len(), 7);
        assert_eq!(minimal(1, |items| items.len() == 1).0, [0]);
        assert_eq!(minimal(0, |_| true).0, [] as [u32; 0]);
    }

    #[test]
    fn no_single_item_of_the_result_can_be_left_out() {
        // Any seven items that sum up to a multiple of three: not monotone at all.
        let odd = |items: &[u32]| items.len() >= 7 && items.iter().sum::<u32>() % 3 == 0;
        let (kept, _) = minimal(30, odd);
        for left_out in 0..kept.len() {
            let others = kept.iter().enumerate().filter(|(at, _)| *at != left_out);
            let others: Vec<u32> = others.map(|(_, item)| *item).collect();
            assert!(!odd(&others), "{kept:?} without the item at {left_out}");
        }
    }
}
