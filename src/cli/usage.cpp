#include "cli/usage.h"

#include <string>
#include <string_view>

#include "base/error.h"

namespace levin::cli {
namespace {

/// CLI11 begins most messages with the option and a colon; the rest is rephrased where it is terse.
std::string describe(const CLI::ParseError& error) {
  std::string text = error.what();
  const std::string_view unconverted = "Could not convert: ";
  if (error.get_name() == "ConversionError" && text.starts_with(unconverted)) {
    // Values of options are checked before, so this is a flag.
    return text.substr(unconverted.size(), text.find(" = ") - unconverted.size()) +
           ": takes no value";
  }
  if (error.get_name() != "ArgumentMismatch" || text.find(": ") == std::string::npos) {
    return text;
  }
  const std::string option = text.substr(0, text.find(": "));
  return option + (text.find("At Most") != std::string::npos ? ": is given more than once"
                                                             : ": its value is missing");
}

/// The first word that no option took and that looks like one; empty if there is none.
std::string unknown_option(const CLI::App& command) {
  for (const std::string& rest : command.remaining()) {
    if (rest == "--") {
      break;  // what follows are no options
    }
    if (rest.starts_with("--")) {
      return rest.substr(0, rest.find('='));
    }
  }
  return {};
}

}  // namespace

std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
  const auto commands = app.get_subcommands();
  if (commands.empty()) {
    const auto rest = app.remaining();
    if (!rest.empty()) {
      return std::string("there is no ") + (rest.front().starts_with('-') ? "option" : "command") +
             " \"" + rest.front() + "\"; see `levin --help`";
    }
    if (error.get_name() == "RequiredError") {
      return "a command is missing; see `levin --help`";
    }
  }
  std::string command;
  const CLI::App* innermost = &app;
  for (auto inner = commands; !inner.empty(); inner = innermost->get_subcommands()) {
    innermost = inner.front();
    command += " " + innermost->get_name();
  }
  // Whatever is missing, an option that does not exist is the more likely cause.
  const std::string unknown = unknown_option(*innermost);
  return (unknown.empty() ? describe(error) : "there is no option " + base::quote(unknown)) +
         "; see `levin" + command + " --help`";
}

}  // namespace levin::cli
