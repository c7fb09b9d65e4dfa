#pragma once
/// \file
/// Files in the state directory (TOR_PT_STATE_LOCATION, pt-2.0-draft-1 section 3.3.1.1): the `local` of section 3.2.2.

#include <ptproxy/result.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace ptproxy {

/// Reads and writes small files in one directory. A name with a `/` in it, or one that is no name, is refused, so that
/// nothing is ever written outside of it.
class Storage {
 public:
  explicit Storage(std::filesystem::path directory) : directory_(std::move(directory)) {}
  const std::filesystem::path& directory() const { return directory_; }
  /// Makes the directory, mode 0700, and its parents where they are missing.
  Checked<> prepare() const;
  /// The same for a directory that is ours alone: others lose what access they had to it and to the files in it, with a
  /// warning.
  Checked<> prepare_private() const;
  /// A directory in this one. `name` is a file name.
  Storage folder(std::string_view name) const { return Storage(directory_ / name); }
  /// The whole file; no value when there is none. Refuses one above 1 MiB.
  Checked<std::optional<std::string>> read(std::string_view name) const;
  /// Replaces the file as a whole, mode 0600, or leaves it as it was: temporary file, fsync, rename, fsync.
  Checked<> write(std::string_view name, std::string_view text) const;
  /// Adds to the end of the file, in one piece; a new one has mode 0600.
  Checked<> append(std::string_view name, std::string_view text) const;
  /// Nothing happens when there is no such file.
  void remove(std::string_view name) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace ptproxy
