//! Values that routers attach to a peer, one of each type.

use std::any::Any;
use std::fmt;

/// A set of values of different types: a linked list, so that the usual single value costs the
/// pointer to the next besides itself, and there is no spare capacity.
#[derive(Default)]
pub(crate) struct Contexts(Option<Box<Node<dyn Any + Send + Sync>>>);

struct Node<T: ?Sized> {
    /// Boxed for a thin pointer: most peers have one value.
    next: Option<Box<Contexts>>,
    value: T,
}

impl Contexts {
    /// Adds a value, replacing one of the same type.
    pub(crate) fn insert<T: Any + Send + Sync>(&mut self, value: T) {
        match self.get_mut::<T>() {
            Some(earlier) => *earlier = value,
            None => {
                let rest = std::mem::take(self);
                let next = rest.0.is_some().then(|| Box::new(rest));
                self.0 = Some(Box::new(Node { next, value }));
            }
        }
    }

    /// Appends the values of `others` behind its own, which take precedence.
    pub(crate) fn append(&mut self, others: Self) {
        match &mut self.0 {
            None => *self = others,
            Some(node) if others.0.is_some() => node.next.get_or_insert_default().append(others),
            Some(_) => {}
        }
    }

    pub(crate) fn get<T: Any>(&self) -> Option<&T> {
        let mut at = self.0.as_ref();
        while let Some(node) = at {
            if let Some(value) = node.value.downcast_ref() {
                return Some(value);
            }
            at = node.next.as_ref()?.0.as_ref();
        }
        None
    }

    fn get_mut<T: Any>(&mut self) -> Option<&mut T> {
        let mut at = self.0.as_mut();
        while let Some(node) = at {
            if node.value.is::<T>() {
                return node.value.downcast_mut();
            }
            at = node.next.as_mut()?.0.as_mut();
        }
        None
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contexts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_value_of_each_type() {
        let mut contexts = Contexts::default();
        assert_eq!(contexts.get::<u8>(), None);
        contexts.insert(1u8);
        contexts.insert("two");
        contexts.insert(3u8);
        assert_eq!(contexts.get::<u8>(), Some(&3));
        assert_eq!(contexts.get::<&str>(), Some(&"two"));
        assert_eq!(contexts.get::<u16>(), None);
    }

    #[test]
    fn own_values_are_found_before_appended_ones() {
        let (mut contexts, mut others) = (Contexts::default(), Contexts::default());
        contexts.insert(1u8);
        others.insert(2u8);
        others.insert(3u16);
        contexts.append(others);
        assert_eq!((contexts.get::<u8>(), contexts.get::<u16>()), (Some(&1), Some(&3)));
        let mut empty = Contexts::default();
        empty.append(contexts);
        assert_eq!(empty.get::<u8>(), Some(&1));
    }
}
