// levin tokenize: text on stdin to token ids, and back.

#include <CLI/CLI.hpp>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "text/tokenizer.h"

namespace levin::cli {
namespace {

struct TokenizeOptions {
  std::string model_dir;
  bool without_bos = false;
  bool decodes = false;
  bool as_json = false;
};

void decode(const TokenizeOptions& options, const text::Tokenizer& tokenizer) {
  const std::string input = read_stdin();
  const std::vector<int32_t> ids =
      parse_token_ids(input, "standard input", std::numeric_limits<int32_t>::max());
  for (const int32_t id : ids) {
    if (!tokenizer.is_known(id)) {
      base::throw_error(base::ErrorCode::kInvalidFile, "standard input",
                        "token id {} is not in the tokenizer's vocabulary", id);
    }
  }
  const std::string decoded = tokenizer.decode(ids);
  if (options.as_json) {
    write_json(decoded);
  } else {
    write_output(decoded);
  }
}

void encode(const TokenizeOptions& options, const text::Tokenizer& tokenizer) {
  const bool adds_bos = !options.without_bos && tokenizer.bos_id().has_value();
  const text::Encoding encoding = tokenizer.encode(read_stdin(), {.add_bos = adds_bos});
  warn_about_replacements(encoding.replacements, "standard input");
  if (options.as_json) {
    write_output(nlohmann::json(encoding.ids).dump() + "\n");
    return;
  }
  std::string line;
  for (const int32_t id : encoding.ids) {
    line += (line.empty() ? "" : " ") + std::to_string(id);
  }
  write_output(line + "\n");
}

}  // namespace

void add_tokenize_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command = app.add_subcommand("tokenize", "Turn text on stdin into token ids, or back");
  command
      ->add_option("DIR", options->model_dir, "folder with tokenizer.json; nothing else is needed")
      ->required()
      ->type_name("");
  command->add_flag("--no-bos", options->without_bos, "do not begin with the start token");
  command->add_flag("--decode", options->decodes, "ids on stdin, text on stdout");
  command->add_flag("--json", options->as_json, "one flat list of ids (or one string)");
  command->footer("\nExample:\n  echo 'Hello there' | levin tokenize models/mini --json");
  command->callback([options, &invocation] {
    invocation.run = [options] {
      require_in_folder(options->model_dir, "tokenizer.json", "DIR");
      const text::Tokenizer tokenizer = text::Tokenizer::load(options->model_dir);
      options->decodes ? decode(*options, tokenizer) : encode(*options, tokenizer);
    };
  });
}

}  // namespace levin::cli
