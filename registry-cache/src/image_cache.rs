//! Images that stay in memory between requests, so that a package that was served once costs no unpacking again.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::image::PackageImage;

/// Images that stay in memory, the least recently used dropped first. Whoever holds one keeps it.
#[derive(Debug)]
pub(crate) struct Images {
    most_bytes: u64,
    bytes: u64,
    clock: u64,
    by_key: BTreeMap<String, (u64, Arc<PackageImage>)>,
    by_age: BTreeMap<u64, String>,
}

impl Images {
    pub(crate) fn new(most_bytes: u64) -> Self {
        Self { most_bytes, bytes: 0, clock: 0, by_key: BTreeMap::new(), by_age: BTreeMap::new() }
    }

    pub(crate) fn get(&mut self, key: &str) -> Option<Arc<PackageImage>> {
        self.clock += 1;
        let (age, image) = self.by_key.get_mut(key)?;
        let name = self.by_age.remove(age)?;
        *age = self.clock;
        self.by_age.insert(self.clock, name);
        Some(image.clone())
    }

    pub(crate) fn insert(&mut self, key: String, image: Arc<PackageImage>) {
        self.clock += 1;
        self.bytes += image.bytes();
        if let Some((age, old)) = self.by_key.insert(key.clone(), (self.clock, image)) {
            self.by_age.remove(&age);
            self.bytes -= old.bytes();
        }
        self.by_age.insert(self.clock, key);
        while self.bytes > self.most_bytes
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            if let Some((_, image)) = self.by_key.remove(&oldest) {
                self.bytes -= image.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::tarball::{self, archive};

    fn image() -> Arc<PackageImage> {
        let files =
            tarball::unpack("a@1", &archive::pack(&[("package/package.json", b"{}")]), &Limits::default()).unwrap();
        Arc::new(PackageImage::seal(&files).unwrap())
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let one = image();
        let mut images = Images::new(one.bytes() * 2);
        images.insert("a".to_owned(), one.clone());
        images.insert("b".to_owned(), one.clone());
        assert!(images.get("a").is_some());
        images.insert("c".to_owned(), one.clone());
        assert!(images.get("b").is_none());
        assert!(images.get("a").is_some() && images.get("c").is_some());
        // Inserting again replaces, and does not count twice.
        images.insert("c".to_owned(), one.clone());
        assert!(images.get("a").is_some());
    }

    #[test]
    fn one_larger_than_all_is_not_kept() {
        let one = image();
        let mut images = Images::new(one.bytes() - 1);
        images.insert("a".to_owned(), one);
        assert!(images.get("a").is_none());
        assert_eq!(images.bytes, 0);
    }
}
