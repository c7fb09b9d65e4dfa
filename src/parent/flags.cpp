#include "parent/flags.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>

#include <algorithm>

namespace ptproxy {
namespace {

namespace po = boost::program_options;

constexpr std::pair<std::string_view, std::string_view> aliases[] = {
    {"ptversion", "version"}, {"logLevel", "log-level"}, {"unsafeLogging", "unsafe-logging"}, {"h", "help"}};

std::string_view resolve_alias(std::string_view flag) {
  for (const auto& [alias, name] : aliases)
    if (flag == alias) return name;
  return flag;
}

bool is_boolean(std::string_view flag) {
  return std::ranges::any_of(parameters(),
                             [&](const Parameter& p) { return p.flag == flag && p.kind == Parameter::Kind::boolean; });
}

bool is_flag(std::string_view word) {
  return word.size() > 1 && word.front() == '-';
}

std::string_view name_in(std::string_view word) {
  word.remove_prefix(word.starts_with("--") ? 2 : 1);
  return word.substr(0, word.find('='));
}

bool is_known_flag(std::string_view word) {
  if (!is_flag(word)) return false;
  const auto name = resolve_alias(name_in(word));
  return name == "help" || std::ranges::any_of(parameters(), [&](const Parameter& p) { return p.flag == name; });
}

Refusal needs_value(std::string_view flag) {
  return Refusal(fmt::format("flag -{} needs a value", flag));
}

/// Every flag in the one form that leaves Program_options no choice, `--name=value`, by Go's rules: one dash or two, a
/// boolean never takes the next word. A bare -version is a question, and an empty value is none.
Checked<std::vector<std::string>> spell_out(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!is_flag(word)) {
      out.push_back(word);
      continue;
    }
    const std::string name(name_in(word));
    const auto equals = word.find('=');
    const bool has_next = i + 1 < arguments.size() && !is_known_flag(arguments[i + 1]);
    if (equals != std::string::npos) {
      if (equals + 1 < word.size() || !is_known_flag(word))
        out.push_back(fmt::format("--{}={}", name, word.substr(equals + 1)));
    } else if (name == "version" && (!has_next || is_flag(arguments[i + 1]))) {
      out.emplace_back("--print-version=1");
    } else if (is_boolean(resolve_alias(name)) || resolve_alias(name) == "help") {
      out.push_back(fmt::format("--{}=1", name));
    } else if (!is_known_flag(word)) {
      out.push_back(fmt::format("--{}", name));
    } else if (has_next) {
      out.push_back(fmt::format("--{}={}", name, arguments[++i]));
    } else {
      return needs_value(name);
    }
  }
  return out;
}

po::options_description all_options() {
  po::options_description options;
  auto add = [&](std::string_view name) {
    options.add_options()(std::string(name).c_str(), po::value<std::vector<std::string>>());
  };
  for (const auto& parameter : parameters()) add(parameter.flag);
  for (const auto& [alias, name] : aliases) add(alias);
  add("help");
  add("print-version");
  return options;
}

Checked<bool> parse_boolean(std::string_view flag, std::string_view value) {
  for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (value == yes) return true;
  for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (value == no) return false;
  return Refusal(fmt::format("flag -{} takes true or false", flag));
}

Refusal in_plain_words(const po::error& problem) {
  if (const auto* unknown = dynamic_cast<const po::unknown_option*>(&problem)) {
    std::string name = unknown->get_option_name();
    name.erase(0, name.find_first_not_of('-'));
    return Refusal(fmt::format("unknown flag -{}; -help lists them", name));
  }
  if (dynamic_cast<const po::too_many_positional_options_error*>(&problem))
    return Refusal("a word on the command line belongs to no flag; -help lists the flags");
  if (const auto* named = dynamic_cast<const po::error_with_option_name*>(&problem)) {
    std::string name = named->get_option_name();
    name.erase(0, name.find_first_not_of('-'));
    return needs_value(name);
  }
  return Refusal(problem.what());
}

}  // namespace

Checked<CommandLine> parse_flags(const std::vector<std::string>& arguments) {
  using namespace po::command_line_style;
  CommandLine line;
  const auto words = spell_out(arguments);
  if (!words) return words.error();
  try {
    const auto options = all_options();
    const po::positional_options_description no_words;
    const auto parsed = po::command_line_parser(*words)
                            .options(options)
                            .positional(no_words)
                            .style(allow_long | long_allow_adjacent)
                            .run();
    for (const auto& option : parsed.options) {
      const auto flag = resolve_alias(option.string_key);
      std::string value = option.value.front();
      if (flag == "help") {
        line.wants_help = true;
      } else if (flag == "print-version") {
        line.wants_version = true;
      } else if (is_boolean(flag)) {
        auto on = parse_boolean(flag, value);
        if (!on) return on.error();
        line.settings.insert_or_assign(std::string(flag), std::string(*on ? "1" : "0"));
      } else {
        line.settings.insert_or_assign(std::string(flag), std::move(value));
      }
    }
  } catch (const po::error& problem) {
    return in_plain_words(problem);
  }
  return line;
}

std::string usage() {
  std::string text =
      "ptproxy: pluggable transport dispatcher. Started by tor or another program through TOR_PT_ variables,\n"
      "or by hand with flags (a flag wins over its variable):\n\n";
  for (const auto& parameter : parameters())
    text += fmt::format("  -{:<20} {}{}\n", parameter.flag, parameter.help,
                        parameter.environment.empty() ? "" : fmt::format(" [TOR_PT_{}]", parameter.environment));
  return text + "\nExample: ptproxy -server -transports obfs4 -bindaddr obfs4-0.0.0.0:443 -orport 127.0.0.1:8080\n";
}

}  // namespace ptproxy
