#include "app/start.h"

#include <ptproxy/log.h>
#include <ptproxy/write.h>

#include "app/dispatcher.h"
#include "app/genconfig.h"
#include "app/shutdown.h"
#include "app/signal_pipes.h"
#include "io/child_process.h"
#include "parent/flags.h"

#include <boost/asio/io_context.hpp>

#include <sodium.h>

#include <sys/resource.h>
#include <unistd.h>

#include <stdexcept>

namespace ptproxy {
namespace {

/// All sockets and timers are used by the one thread that runs the loop; other threads only hand it what they computed.
constexpr int one_thread = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO;

LineProtocol line_protocol(int major) {
  return {major, [](std::string_view line) { write_whole(STDOUT_FILENO, line); },
          [](std::string_view line) { write_whole(STDERR_FILENO, line); }};
}

/// Every connection takes two descriptors.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

Checked<std::optional<std::string>> read_options_file(const Settings& flags) {
  const auto named = flags.find("optionsFile");
  if (named == flags.end()) return std::optional<std::string>();
  const auto path = std::filesystem::absolute(named->second);
  auto text = Storage(path.parent_path()).read(path.filename().native());
  if (text && !*text) return Refusal("-optionsFile: there is no such file");
  return text;
}

std::filesystem::path state_directory(const Config& config) {
  error_code ec;
  return config.state_directory.empty() ? std::filesystem::current_path(ec) : config.state_directory;
}

ExitCode serve(const Config& config, const std::optional<UpstreamProxy>& upstream, const LineProtocol& parent,
               const std::filesystem::path& state_directory, pid_t parent_process) {
  // In this order: what dies last stands first. Suspended connections die with the loop and still use what is above it.
  ChunkPool chunks;
  LiveSockets live;
  SystemRandom random;
  const Storage storage(state_directory);
  asio::io_context io(one_thread);
  SystemClock clock(io.get_executor());
  Loop loop(io.get_executor(), chunks, live);
  SystemProcesses processes(loop);
  SignalPipe::Say say = [](const SignalLine& signal) {
    write_if_room(STDOUT_FILENO, LineProtocol::signal_line(signal));
  };
  if (config.signal_files) say = nullptr;
  SignalPipes signals(config.role == Role::client ? SignalDirection::to_server : SignalDirection::to_client,
                      io.get_executor(), clock, storage, std::move(say));
  Services services(io.get_executor(), chunks, clock, random, storage);
  services.processes = &processes;
  if (!config.is_udp()) services.server_app = config.orport;
  Dispatcher dispatcher(config, upstream, parent, loop, services, signals);
  Shutdown shutdown(io.get_executor(), live, config.drain_timeout, [&io] { io.stop(); });
  shutdown.watch_signals();
  dispatcher.start();
  const bool hears_stdin = signals.any() && !signals.by_files();
  if (config.exit_on_stdin_close || hears_stdin)
    shutdown.watch_stdin(config.exit_on_stdin_close, [&signals, hears_stdin](std::string_view part) {
      if (hears_stdin) signals.hear(part);
    });
  if (parent_process) shutdown.watch_parent(parent_process);
  io.run();
  return ExitCode::ok;
}

/// -genconfig, to a person or a script and not to a parent.
ExitCode generate(const Settings& environment, const CommandLine& line) {
  auto refuse = [](const Refusal& why) {
    write_whole(STDERR_FILENO, LineProtocol::whole_line("ptproxy: " + why.text()));
    return ExitCode::usage;
  };
  auto options_file = read_options_file(line.settings);
  if (!options_file) return refuse(options_file.error());
  auto config = make_config(environment, line.settings, Version(), *options_file);
  if (!config) return refuse(config.error());
  log::set_level(config->log_level);
  const Storage storage(state_directory(*config));
  auto prepared = storage.prepare();
  if (!prepared) return refuse(prepared.error());
  ChunkPool chunks;
  LiveSockets live;
  SystemRandom random;
  asio::io_context io(one_thread);
  SystemClock clock(io.get_executor());
  Loop loop(io.get_executor(), chunks, live);
  SystemProcesses processes(loop);
  Services services(io.get_executor(), chunks, clock, random, storage);
  services.processes = &processes;
  if (!config->is_udp()) services.server_app = config->orport;
  auto text = generate_configuration(*config, services);
  if (!text) return refuse(text.error());
  write_whole(STDOUT_FILENO, *text);
  return ExitCode::ok;
}

}  // namespace

ExitCode run(const std::vector<std::string>& arguments, const Environment& environment) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium does not start");
  const bool child = started_by_parent(environment);
  // Asked for before a line is said: a parent may die right behind the line it waited for.
  const pid_t parent_process = child ? ::getppid() : 0;
  const Settings from_environment = read_environment(environment);
  auto line = parse_flags(arguments);
  if (!line) {
    write_whole(STDERR_FILENO, LineProtocol::whole_line("ptproxy: " + line.error().text()));
    auto version = choose_version(from_environment, child);
    // tor hears only stdout, and would start us again and again.
    if (child && version && *version && (*version)->major == 1) line_protocol(1).env_error(line.error().text());
    return ExitCode::usage;
  }
  if (line->wants_version) {
    write_whole(STDOUT_FILENO, "ptproxy " PTPROXY_VERSION "\n");
    return ExitCode::ok;
  }
  if (line->wants_help) {
    write_whole(STDOUT_FILENO, usage());
    return ExitCode::ok;
  }

  if (const auto asked = line->settings.find("genconfig"); asked != line->settings.end() && asked->second == "1")
    return generate(from_environment, *line);

  Settings settings = line->settings;
  settings.insert(from_environment.begin(), from_environment.end());
  auto version = choose_version(settings, child);
  if (!version) {
    line_protocol(2).env_error(version.error().text());
    return ExitCode::usage;
  }
  if (!*version) {
    line_protocol(2).version_error();
    return ExitCode::config;
  }
  const LineProtocol parent = line_protocol((*version)->major);
  const bool tor = (*version)->major == 1;
  // tor shows an ENV-ERROR's text only when it stands in the place of VERSION.
  if (!tor) parent.version(**version);
  auto refuse = [&](const Refusal& why) {
    parent.env_error(why.text());
    return ExitCode::usage;
  };

  auto options_file = read_options_file(line->settings);
  if (!options_file) return refuse(options_file.error());
  auto config = make_config(from_environment, line->settings, **version, *options_file);
  if (!config) return refuse(config.error());
  const auto state = state_directory(*config);
  auto prepared = Storage(state).prepare();
  if (!prepared) return refuse(prepared.error());

  if (tor) parent.version(**version);
  log::set_level(config->log_level);
  log::set_unsafe(config->unsafe_logging);
  if (tor) {
    log::set_sink([](log::Level level, std::string_view text) {
      write_if_room(STDOUT_FILENO, LineProtocol::log_line(level, text));
    });
    parent.status_version();
  }
  std::optional<UpstreamProxy> upstream;
  if (config->proxy_uri && config->role == Role::server)
    log::notice("a server has no use for an upstream proxy: ignored");
  if (config->proxy_uri && config->role == Role::client) {
    auto parsed = parse_upstream_proxy(*config->proxy_uri);
    if (!parsed) {
      parent.proxy_error(parsed.error().text());
      return ExitCode::unavailable;
    }
    upstream = std::move(*parsed);
    parent.proxy_done();
  }
  allow_many_descriptors();
  return serve(*config, upstream, parent, state, parent_process);
}

}  // namespace ptproxy
