#pragma once
/// \file
/// The command line, in the manner of Go's flag package: `-x v`, `-x=v`, `--x v`, `--x=v`.

#include <ptproxy/result.h>

#include "parent/parameters.h"

#include <string>
#include <vector>

namespace ptproxy {

class CommandLine {
 public:
  Settings settings;           ///< aliases resolved; a boolean that is on has the value "1"
  bool wants_version = false;  ///< a bare -version
  bool wants_help = false;
};

/// `arguments` without the program's name. Refuses unknown flags, missing values and stray words.
Checked<CommandLine> parse_flags(const std::vector<std::string>& arguments);

/// The text of -help.
std::string usage();

}  // namespace ptproxy
