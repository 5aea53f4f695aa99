//! Hashing with a secret key, so that names cannot be chosen to collide or to fall on one shard.

#[cfg(feature = "simulation")]
use std::hash::Hasher;
use std::hash::{BuildHasher, DefaultHasher, RandomState};

/// Hashers with one key.
#[derive(Clone, Debug)]
pub(crate) enum Keyed {
    /// A random key.
    Chance(RandomState),
    /// A known key, for reproducible runs.
    #[cfg(feature = "simulation")]
    Seed(u64),
}

impl Keyed {
    /// A random key.
    pub(crate) fn by_chance() -> Self {
        Self::Chance(RandomState::new())
    }

    /// A different key for part `part`: names that collide under one key are spread by the other.
    /// Random if this key is.
    pub(crate) fn for_part(&self, part: usize) -> Self {
        match self {
            Self::Chance(_) => {
                // A random key differs each time, whatever the part.
                let _ = part;
                Self::by_chance()
            }
            #[cfg(feature = "simulation")]
            Self::Seed(_) => Self::Seed(self.hash_one(part)),
        }
    }
}

impl Keyed {
    /// A random secret, or one derived from the seed.
    ///
    /// # Errors
    ///
    /// When the system provides no randomness.
    pub(crate) fn secret(&self) -> std::io::Result<[u8; 32]> {
        let mut secret = [0; 32];
        match self {
            Self::Chance(_) => getrandom::fill(&mut secret).map_err(std::io::Error::other)?,
            #[cfg(feature = "simulation")]
            Self::Seed(_) => {
                for (part, bytes) in secret.chunks_mut(8).enumerate() {
                    bytes.copy_from_slice(&self.hash_one(("secret", part)).to_be_bytes());
                }
            }
        }
        Ok(secret)
    }
}

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        match self {
            Self::Chance(state) => state.build_hasher(),
            #[cfg(feature = "simulation")]
            Self::Seed(seed) => {
                let mut hasher = DefaultHasher::new();
                hasher.write_u64(*seed);
                hasher
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_chance_differ_also_for_the_parts_of_one() {
        let keys = Keyed::by_chance();
        let of = |keys: &Keyed| keys.hash_one("lobby");
        assert_eq!(of(&keys), of(&keys.clone()));
        assert_ne!(of(&keys), of(&Keyed::by_chance()));
        assert_ne!(of(&keys), of(&keys.for_part(0)));
        assert_ne!(of(&keys.for_part(0)), of(&keys.for_part(1)));
    }

    #[cfg(feature = "simulation")]
    #[test]
    fn keys_of_a_seed_are_the_same_every_time_and_differ_by_seed_and_part() {
        let of = |keys: &Keyed| keys.hash_one("lobby");
        let (one, two) = (Keyed::Seed(1), Keyed::Seed(2));
        assert_eq!(of(&one), of(&Keyed::Seed(1)));
        assert_eq!(of(&one.for_part(3)), of(&Keyed::Seed(1).for_part(3)));
        assert_ne!(of(&one), of(&two));
        assert_ne!(of(&one.for_part(0)), of(&one.for_part(1)));
        assert_ne!(of(&one.for_part(0)), of(&two.for_part(0)));
    }
}
