#include <ptproxy/log.h>
#include <ptproxy/write.h>

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

namespace ptproxy::log {
namespace {

constexpr std::array<std::string_view, 5> names{"error", "warning", "notice", "info", "debug"};

// spdlog has no "notice": its info stands for that, its debug for info, its trace for debug.
constexpr std::array<spdlog::level::level_enum, 5> spdlog_levels{
    spdlog::level::err, spdlog::level::warn, spdlog::level::info, spdlog::level::debug, spdlog::level::trace};

class CallbackSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit CallbackSink(Sink callback) : callback_(std::move(callback)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const auto at = std::ranges::find(spdlog_levels, message.level) - spdlog_levels.begin();
    callback_(static_cast<Level>(at), {message.payload.data(), message.payload.size()});
  }
  void flush_() override {}
  Sink callback_;
};

class StderrSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (line.size() > PIPE_BUF) {
      line.resize(PIPE_BUF);
      line[PIPE_BUF - 1] = '\n';
    }
    const auto written = [](std::string_view text) { return write_if_room(STDERR_FILENO, text); };
    if (lost_ > 0 && written(fmt::format("{} lines of the log were lost, as nobody read them\n", lost_))) lost_ = 0;
    if (lost_ > 0 || !written({line.data(), line.size()})) ++lost_;
  }
  void flush_() override {}
  std::size_t lost_ = 0;
};

std::shared_ptr<spdlog::logger> with(spdlog::sink_ptr sink) {
  auto made = std::make_shared<spdlog::logger>("ptproxy", std::move(sink));
  made->set_level(spdlog::level::info);
  made->set_pattern("%Y-%m-%dT%H:%M:%S %v");
  return made;
}

std::shared_ptr<spdlog::logger>& logger() {
  static auto instance = with(std::make_shared<StderrSink>());
  return instance;
}

bool& custom_sink() {
  static bool set = false;
  return set;
}

bool& unsafe() {
  static bool shown = false;
  return shown;
}

}  // namespace

std::string_view to_string(Level level) {
  return names[static_cast<std::size_t>(level)];
}

std::optional<Level> parse_level(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower == "warn") lower = "warning";
  const auto found = std::ranges::find(names, lower);
  if (found == names.end()) return std::nullopt;
  return static_cast<Level>(found - names.begin());
}

void set_sink(Sink sink) {
  const auto level = logger()->level();
  logger() = with(std::make_shared<CallbackSink>(std::move(sink)));
  logger()->set_level(level);
  custom_sink() = true;
}

void set_level(Level level) {
  logger()->set_level(spdlog_levels[static_cast<std::size_t>(level)]);
}

void set_unsafe(bool shown) {
  unsafe() = shown;
}

bool enabled(Level level) {
  return logger()->should_log(spdlog_levels[static_cast<std::size_t>(level)]);
}

void write(Level level, std::string_view text) {
  const auto spdlog_level = spdlog_levels[static_cast<std::size_t>(level)];
  if (custom_sink())
    logger()->log(spdlog_level, text);
  else
    logger()->log(spdlog_level, "[{}] {}", to_string(level), text);
}

std::string scrubbed(const Endpoint& endpoint) {
  return unsafe() ? endpoint.to_string() : "[scrubbed]";
}

}  // namespace ptproxy::log
