#pragma once
/// \file
/// From a command line and an environment to an exit code.

#include "parent/parameters.h"

#include <string>
#include <vector>

namespace ptproxy {

/// Exit codes, from sysexits.h (pt-2.0-draft-1 section 3.3.2).
enum class ExitCode { ok = 0, usage = 64, unavailable = 69, software = 70, config = 78 };

/// Runs the whole program. `arguments` without the program's name.
ExitCode run(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace ptproxy
