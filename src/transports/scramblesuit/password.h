#pragma once
/// \file
/// What a ScrambleSuit bridge and its clients share.

#include <ptproxy/args.h>
#include <ptproxy/bytes.h>

namespace ptproxy::scramblesuit {

/// The key of UniformDH hellos.
using Password = Secret<20>;

/// 32 characters of Base32; lower case, 1 for I and 0 for O are forgiven. The refusal does not repeat it.
Checked<Password> parse_password(std::string_view text);
std::string to_text(const Password& password);

/// The argument or option `password`; nullopt in place of one that is not there.
Checked<std::optional<Password>> find_password(const Args& args);

}  // namespace ptproxy::scramblesuit
