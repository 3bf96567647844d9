//! Times and sizes as people write them.

use std::time::Duration;

/// `500ms`, `1.5s`, `2m`, or a bare number of seconds; more than nothing and at most a day.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        _ => return Err(format!("{unit:?} is not ms, s or m")),
    };
    const DAY: f64 = 86_400.0;
    if !(0.001..=DAY).contains(&seconds) {
        return Err("a time is from 1ms to a day".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// `64KiB`, `128MiB`, `1.5GiB` (also `kB`, `MB`, `GB` as powers of ten, `K`, `M`, `G` as powers of two), or a bare number
/// of bytes; at most a tebibyte.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let scale: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(format!("{unit:?} is not KiB, MiB or GiB")),
    };
    const MOST: f64 = (1_u64 << 40) as f64;
    let bytes = number * scale as f64;
    if !(1.0..=MOST).contains(&bytes) {
        return Err("a size is from 1 byte to 1024GiB".to_owned());
    }
    Ok(bytes as u64)
}

/// A size for people: whole units where they fit.
pub(crate) fn show_bytes(bytes: u64) -> String {
    for (scale, unit) in [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= scale && bytes.is_multiple_of(scale) {
            return format!("{} {unit}", bytes / scale);
        }
        if bytes >= scale {
            return format!("{:.1} {unit}", bytes as f64 / scale as f64);
        }
    }
    format!("{bytes} bytes")
}

fn split(text: &str) -> Result<(f64, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..end].parse().map_err(|_| format!("{text:?} does not start with a number"))?;
    Ok((number, text[end..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, milliseconds) in [("500ms", 500), ("1.5s", 1500), ("2m", 120_000), ("30", 30_000), (" 1 s ", 1000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "0", "1h", "-1s", "1e9", "100000000m", "1.2.3s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("64KiB", 65_536), ("1MB", 1_000_000), ("1.5GiB", 1_610_612_736), ("7", 7), ("2m", 2_097_152)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "MiB", "1TiB", "9999GiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        assert_eq!(show_bytes(134_217_728), "128 MiB");
        assert_eq!(show_bytes(1_600), "1.6 KiB");
        assert_eq!(show_bytes(12), "12 bytes");
    }
}
