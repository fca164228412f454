//! Which classes a row is an example of: one, none or several. One-versus-rest learning needs no more than the sign of
//! every class.

use super::linear::Block;

/// The target of a row that is an example of no class.
pub const NO_CLASS: u32 = u32::MAX;

impl Block {
    /// Notes the classes of the next row; none is as good as several.
    pub fn push_classes(&mut self, classes: &[u32]) {
        let row = self.targets.len() as u32;
        self.targets.push(classes.first().copied().unwrap_or(NO_CLASS));
        self.more.extend(classes.iter().skip(1).map(|class| (row, *class)));
    }

    /// Appends a row of another block.
    pub fn push_from(&mut self, other: &Block, row: usize) {
        let (features, values) = other.rows.row(row);
        self.rows.push_parts(features, values);
        let more = other
            .more_of(row)
            .iter()
            .map(|pair| (self.targets.len() as u32, pair.1));
        self.more.extend(more);
        self.targets.push(other.targets[row]);
        self.weights.push(other.weights[row]);
    }

    /// Every class of a row.
    pub fn classes(&self, row: usize) -> impl Iterator<Item = u32> + '_ {
        let first = Some(self.targets[row]).filter(|class| *class != NO_CLASS);
        first.into_iter().chain(self.more_of(row).iter().map(|pair| pair.1))
    }

    /// Plus one for the classes of a row among the `N` from `first_class`, minus one for the others.
    pub(super) fn signs<const N: usize>(&self, row: usize, first_class: usize) -> [f32; N] {
        let mut signs = [-1.0; N];
        for class in self.classes(row) {
            if let Some(sign) = signs.get_mut((class as usize).wrapping_sub(first_class)) {
                *sign = 1.0;
            }
        }
        signs
    }

    fn more_of(&self, row: usize) -> &[(u32, u32)] {
        let start = self.more.partition_point(|pair| (pair.0 as usize) < row);
        let rest = &self.more[start..];
        &rest[..rest.partition_point(|pair| pair.0 as usize == row)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_none_one_and_several() {
        let mut block = Block::default();
        [&[][..], &[21], &[3, 1, 22], &[0]]
            .iter()
            .for_each(|classes| block.push_classes(classes));
        assert_eq!(block.signs::<4>(0, 0), [-1.0; 4]);
        assert_eq!(block.signs::<4>(1, 20), [-1.0, 1.0, -1.0, -1.0]);
        assert_eq!(block.signs::<4>(2, 0), [-1.0, 1.0, -1.0, 1.0]);
        assert_eq!(block.signs::<4>(2, 20), [-1.0, -1.0, 1.0, -1.0]);
        assert_eq!(block.signs::<4>(3, 0), [1.0, -1.0, -1.0, -1.0]);
        assert_eq!(block.classes(2).collect::<Vec<_>>(), [3, 1, 22]);
    }
}
