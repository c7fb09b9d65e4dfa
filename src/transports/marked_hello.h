#pragma once
/// \file
/// A hello as obfs4 and ScrambleSuit say it: something that looks random, padding, a mark that tells who knows the key
/// where the padding ends, and a MAC over all of it and the hour.

#include <ptproxy/bytes.h>
#include <ptproxy/random.h>

#include <optional>
#include <string>

namespace ptproxy {

inline constexpr std::size_t mark_size = 16;
inline constexpr std::size_t mac_size = 16;
using Mark = ByteArray<mark_size>;

/// The MAC's view of time: the hour since 1970 as decimal text.
std::string epoch_hour(std::int64_t unix_seconds, int hours_later = 0);

void append_random(ByteQueue& out, std::size_t size, Random& random);

/// The end of the hello that stands in `out`: the mark, made of `marked`, and the MAC.
void append_mark_and_mac(ByteQueue& out, ByteView key, ByteView marked, std::string_view hour);

/// The size of the hello at the front of `heard`: up to the MAC behind the first mark at `from` or later. nullopt when
/// it is not all there.
std::optional<std::size_t> end_of_hello(ByteView heard, const Mark& mark, std::size_t from);

/// Whether the MAC at the end of `hello` is that of this hour.
bool mac_fits(ByteView key, ByteView hello, std::string_view hour);

/// Of the present hour, the last and the next the one that the MAC at the end of `hello` means. Takes the same time
/// whichever that is.
std::optional<std::string> hour_of_mac(ByteView key, ByteView hello, std::int64_t unix_seconds);

}  // namespace ptproxy
