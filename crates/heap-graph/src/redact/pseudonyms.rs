//! Texts that stand for other texts: as long, equal where those are equal, and without a way back.

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHashSet};
use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher24Of128};

use crate::names::units;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The second alphabet, for texts so short that the letters do not suffice: CJK ideographs, each one UTF-16 unit.
const IDEOGRAPHS: (u32, u32) = (0x4e00, 0x9fff - 0x4e00 + 1);
/// Draws from the letters before the ideographs are tried, and from those before all is tried in order.
const DRAWS: u32 = 64;

/// Replaces texts, each by a keyed hash of it that is written in letters.
///
/// A text of digits (and what else numbers are written with) stays one, all others become letters and digits. Lengths
/// are in UTF-16 units, as in JavaScript. Two different texts never get the same pseudonym, nor does one get a text
/// that was [kept](Pseudonyms::reserve).
pub(super) struct Pseudonyms<'a> {
    key: [u8; 16],
    of: FxHashMap<&'a str, Box<str>>,
    taken: FxHashSet<Box<str>>,
    /// The next code point to try for texts of one unit, when all else is taken.
    next_single: u32,
}

impl<'a> Pseudonyms<'a> {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        Pseudonyms { key: *key, of: FxHashMap::default(), taken: FxHashSet::default(), next_single: 0x21 }
    }

    /// Makes sure that no pseudonym is this text. Call it before the first [`Self::get`].
    pub(super) fn reserve(&mut self, text: &str) {
        self.taken.insert(text.into());
    }

    /// The text that stands for `text`. Empty stays empty.
    pub(super) fn get(&mut self, text: &'a str) -> &str {
        if !self.of.contains_key(text) {
            let made = self.make(text);
            self.taken.insert(made.clone());
            self.of.insert(text, made);
        }
        &self.of[text]
    }

    /// A number below `span` that follows from the key and a number.
    pub(super) fn number(&self, number: u32, span: u64) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u32(number);
        hasher.finish() % span
    }

    /// Number of texts that got one.
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    fn make(&mut self, text: &str) -> Box<str> {
        let length = units(text);
        if length == 0 {
            return "".into();
        }
        let alphabets: &[Alphabet] = if is_number(text) {
            &[Alphabet::Digits, Alphabet::Letters, Alphabet::Ideographs]
        } else {
            &[Alphabet::Letters, Alphabet::Ideographs]
        };
        for (stage, alphabet) in alphabets.iter().enumerate() {
            for draw in 0..DRAWS {
                let candidate = alphabet.write(
                    &mut Stream::new(&self.key, text, stage as u32 * DRAWS + draw),
                    text,
                    length,
                );
                if !self.taken.contains(candidate.as_str()) {
                    return candidate.into();
                }
            }
        }
        self.next_free(length)
    }

    /// In order, when draws no longer find a free one. That is so for texts of one unit only: of two there are
    /// 400 million. Should a heap hold more than there are printable ones, the rest are one and the same.
    fn next_free(&mut self, length: usize) -> Box<str> {
        while length == 1 && self.next_single < 0xffff {
            let letter = char::from_u32(self.next_single).filter(|letter| !letter.is_control());
            self.next_single += 1;
            if let Some(letter) =
                letter.map(String::from).filter(|letter| !self.taken.contains(letter.as_str()))
            {
                return letter.into();
            }
        }
        "\u{fffd}".repeat(length).into()
    }
}

/// Whether a text is a number as JavaScript writes it: those of heap numbers hang below them as strings.
fn is_number(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e'))
}

#[derive(Clone, Copy)]
enum Alphabet {
    Digits,
    Letters,
    Ideographs,
}

impl Alphabet {
    fn write(self, stream: &mut Stream, text: &str, length: usize) -> String {
        match self {
            Alphabet::Digits => text
                .chars()
                .map(|one| if one.is_ascii_digit() { char::from(b'0' + stream.below(10) as u8) } else { one })
                .collect(),
            Alphabet::Letters => {
                (0..length).map(|_| char::from(LETTERS[stream.below(62) as usize])).collect()
            }
            Alphabet::Ideographs => (0..length)
                .filter_map(|_| char::from_u32(IDEOGRAPHS.0 + stream.below(IDEOGRAPHS.1)))
                .collect(),
        }
    }
}

/// Random numbers that follow from key, text and the number of the draw: SipHash-2-4 of the text gives a key of its
/// own, under which a counter is hashed.
struct Stream {
    key: [u8; 16],
    counter: u64,
}

impl Stream {
    fn new(key: &[u8; 16], text: &str, draw: u32) -> Self {
        let mut hasher = SipHasher24Of128::new_with_key(key);
        hasher.write_u32(draw);
        hasher.write(text.as_bytes());
        Stream { key: hasher.finish128().as_bytes(), counter: 0 }
    }

    /// A number below `bound`, which is small beside 2^64, so that the remainder is as good as fair.
    fn below(&mut self, bound: u32) -> u32 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u64(self.counter);
        self.counter += 1;
        (hasher.finish() % u64::from(bound)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms<'a>() -> Pseudonyms<'a> {
        Pseudonyms::new(&[7; 16])
    }

    #[test]
    fn keeps_length_and_equality() {
        let mut names = pseudonyms();
        for text in ["", "a", "hunter2", "naïve", "\u{1f600} smile", "4111111111111111", "-1.5e+10"] {
            let first = names.get(text).to_owned();
            assert_eq!(units(&first), units(text), "{text}");
            assert_eq!(names.get(text), first);
            assert!(text.is_empty() || first != text);
        }
        assert!(names.get("4111111111111111").bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(names.len(), 7);
    }

    #[test]
    fn different_texts_stay_different_however_short_they_are() {
        let texts: Vec<String> = (0x100..=0xf000).filter_map(char::from_u32).map(String::from).collect();
        let mut names = pseudonyms();
        let mut seen = FxHashSet::default();
        for text in &texts {
            let name = names.get(text).to_owned();
            assert_eq!(units(&name), 1, "{text:?}");
            assert!(seen.insert(name), "{text:?}");
        }
    }

    #[test]
    fn another_key_gives_other_names_and_kept_texts_are_never_given() {
        let name = pseudonyms().get("hunter2").to_owned();
        assert_ne!(Pseudonyms::new(&[8; 16]).get("hunter2"), name);
        let mut names = pseudonyms();
        names.reserve(&name);
        assert_ne!(names.get("hunter2"), name);
    }
}
