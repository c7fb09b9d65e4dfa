#include <ptproxy/storage.h>

#include <ptproxy/log.h>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ptproxy {
namespace {

constexpr std::size_t largest_file = 1 << 20;

Refusal failed(std::string_view what, std::string_view name, int error) {
  return Refusal(fmt::format("cannot {} {}: {}", what, name, std::strerror(error)));
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

class File {
 public:
  File(const std::filesystem::path& path, int flags, mode_t mode = 0)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  bool opened() const { return descriptor_ >= 0; }
  bool sync() const { return ::fsync(descriptor_) == 0; }
  bool write(std::string_view text) const {
    while (!text.empty()) {
      const auto n = ::write(descriptor_, text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  /// -1 on an error, 0 at the end.
  ssize_t read(char* into, std::size_t n) const {
    for (;;) {
      const auto got = ::read(descriptor_, into, n);
      if (got >= 0 || errno != EINTR) return got;
    }
  }

 private:
  int descriptor_;
};

Checked<> make_directories(const std::filesystem::path& path) {
  struct stat there {};
  if (path.empty() || ::stat(path.c_str(), &there) == 0) {
    if (path.empty() || S_ISDIR(there.st_mode)) return {};
    return failed("use", "the state directory", ENOTDIR);
  }
  auto parent = path.parent_path();
  if (parent != path) {
    if (auto made = make_directories(parent); !made) return made;
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("make", "the state directory", errno);
  return {};
}

/// Leaves no more than `mode`; whether there was more. A refusal for what is another user's, who could change it at any
/// time, or a link to somewhere else.
Checked<bool> tighten(const std::filesystem::path& path, mode_t mode) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) return failed("use", path.filename().native(), errno);
  if (S_ISLNK(there.st_mode))
    return Refusal(fmt::format("{} in the state directory is a link", path.filename().native()));
  // What root, who may do everything anyway, has put there is root's to close.
  if (there.st_uid == 0 && ::geteuid() != 0) return false;
  if (there.st_uid != ::geteuid())
    return Refusal(fmt::format("{} in the state directory belongs to another user", path.filename().native()));
  if ((there.st_mode & 07777 & ~mode) == 0) return false;
  if (::chmod(path.c_str(), there.st_mode & mode) != 0)
    return failed("close to others", path.filename().native(), errno);
  return true;
}

}  // namespace

Checked<> Storage::prepare() const {
  // "/a/b/" has an empty last name, which is not a directory to make.
  return make_directories(directory_.has_filename() ? directory_ : directory_.parent_path());
}

Checked<> Storage::prepare_private() const {
  auto made = prepare();
  if (!made) return made;
  auto was_open = tighten(directory_, 0700);
  if (!was_open) return was_open.error();
  std::error_code ec;
  for (const auto& file : std::filesystem::directory_iterator(directory_, ec)) {
    if (!file.is_regular_file(ec)) continue;
    auto file_was_open = tighten(file.path(), 0600);
    if (!file_was_open) return file_was_open.error();
    if (*file_was_open) was_open = true;
  }
  if (*was_open)
    log::warning("others had access to {} in the state directory: closed to them now", directory_.filename().native());
  return {};
}

Checked<std::optional<std::string>> Storage::read(std::string_view name) const {
  if (!is_file_name(name)) return failed("open", "a file outside of the state directory", EINVAL);
  const File file(directory_ / name, O_RDONLY);
  if (!file.opened()) {
    if (errno == ENOENT) return std::optional<std::string>();
    return failed("open", name, errno);
  }
  std::string text;
  char part[4096];
  for (;;) {
    const auto n = file.read(part, sizeof part);
    if (n < 0) return failed("read", name, errno);
    if (n == 0) return std::optional(std::move(text));
    text.append(part, static_cast<std::size_t>(n));
    if (text.size() > largest_file) return failed("read", name, EFBIG);
  }
}

Checked<> Storage::write(std::string_view name, std::string_view text) const {
  if (!is_file_name(name)) return failed("write", "a file outside of the state directory", EINVAL);
  const auto target = directory_ / name;
  const auto temporary = directory_ / fmt::format(".{}.{}.tmp", name, ::getpid());
  {
    ::unlink(temporary.c_str());
    const File file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (!file.opened() || !file.write(text) || !file.sync()) {
      const int error = errno;
      ::unlink(temporary.c_str());
      return failed("write", name, error);
    }
  }
  if (::rename(temporary.c_str(), target.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return failed("replace", name, error);
  }
  const File directory(directory_, O_RDONLY | O_DIRECTORY);
  if (!directory.opened() || !directory.sync()) return failed("sync the directory of", name, errno);
  return {};
}

Checked<> Storage::append(std::string_view name, std::string_view text) const {
  if (!is_file_name(name)) return failed("write", "a file outside of the state directory", EINVAL);
  const File file(directory_ / name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  if (!file.opened() || !file.write(text)) return failed("write", name, errno);
  return {};
}

void Storage::remove(std::string_view name) const {
  if (is_file_name(name)) ::unlink((directory_ / name).c_str());
}

}  // namespace ptproxy
