//! What follows a first message, taken apart: texts, source maps, and the tree of files over the images.

use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use deno_core::ModuleSpecifier;

use crate::file_tree::LazyImage;
use crate::platform::Tree;
use crate::wire::{FolderMessage, Parcel};

/// A module's text with its source map.
pub(crate) struct Text {
    pub(crate) code: String,
    pub(crate) source_map: Option<Rc<[u8]>>,
}

/// The parts of a program, as far as they were sent.
pub(crate) struct Parts {
    /// Where the program's module stands.
    pub(crate) specifier: ModuleSpecifier,
    pub(crate) program: Option<Text>,
    pub(crate) layer: Option<Text>,
    pub(crate) code_cache: Option<Vec<u8>>,
    pub(crate) input: Option<String>,
    /// The program's files, if it was sent any.
    pub(crate) tree: Option<Tree>,
}

/// When an image that was sent is mapped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mapping {
    /// When something looks at it.
    Lazy,
    /// Now: the descriptors do not outlive the next fork.
    Eager,
}

impl Parts {
    /// Takes apart what has come.
    pub(crate) fn split(
        parcel: &Parcel,
        images: &[Arc<LazyImage>],
        mapping: Mapping,
        parts: Vec<u8>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut rest = parts.as_slice();
        let mut take = |bytes: usize| {
            let (part, after) = rest.split_at_checked(bytes).ok_or(std::io::ErrorKind::UnexpectedEof)?;
            rest = after;
            Ok::<_, std::io::Error>(part)
        };
        let folders = take(parcel.folders_bytes)?;
        let tree = (parcel.images > 0).then(|| tree(folders, images, mapping)).transpose()?;
        let code = parcel.code_bytes.map(&mut take).transpose()?.map(<[u8]>::to_vec);
        let source_map = parcel.source_map_bytes.map(&mut take).transpose()?.map(Rc::from);
        let layer_code = parcel.layer_bytes.map(&mut take).transpose()?.map(<[u8]>::to_vec);
        let layer_map = parcel.layer_map_bytes.map(&mut take).transpose()?.map(Rc::from);
        let code_cache = parcel.code_cache_bytes.map(&mut take).transpose()?.map(<[u8]>::to_vec);
        let input = parcel.input_bytes.map(&mut take).transpose()?.map(<[u8]>::to_vec);
        let text = |code: Option<Vec<u8>>, source_map: Option<Rc<[u8]>>| {
            let text = |code| Ok::<_, std::string::FromUtf8Error>(Text { code: String::from_utf8(code)?, source_map });
            code.map(text).transpose()
        };
        Ok(Self {
            specifier: ModuleSpecifier::parse("file:///hoist/")?.join(&parcel.name)?,
            program: text(code, source_map)?,
            layer: text(layer_code, layer_map)?,
            code_cache,
            input: input.map(String::from_utf8).transpose()?,
            tree,
        })
    }
}

fn tree(folders: &[u8], images: &[Arc<LazyImage>], mapping: Mapping) -> Result<Tree, Box<dyn std::error::Error>> {
    let folders: Vec<FolderMessage> = serde_json::from_slice(folders)?;
    if mapping == Mapping::Eager {
        for image in images {
            LazyLock::force(image);
        }
    }
    let place = |(path, image): FolderMessage| Some((path, images.get(image)?.clone()));
    Ok(Tree::new(folders.into_iter().filter_map(place)))
}
