// levin-train data questions, data demo: look-up questions over the held-out part of the data.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/durable.h"
#include "base/error.h"
#include "base/files.h"
#include "train/data/demo_set.h"
#include "train/data/eval_set.h"
#include "train/data/lexicon.h"
#include "train/recipe/parse.h"
#include "train/run/program/commands.h"
#include "train/run/run_checks.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxSetBytes = int64_t{1} << 32;

/// What both commands take.
struct HeldOutCommand {
  std::string recipe_path;
  std::vector<std::string> overrides;
  std::string out;
  bool overwrites = false;
};

struct QuestionsCommand : HeldOutCommand {
  data::EvalSpec spec{
      .lengths = {1024, 2048, 4096, 8192, 16384}, .questions = 2000, .questions_per_document = 8};
  std::vector<std::string> wordings = {"first"};
};

struct DemoCommand : HeldOutCommand {
  data::DemoSpec spec;
};

data::DataSet load_data_of(const HeldOutCommand& options) {
  return load_recipe_data(recipe::load_recipe(options.recipe_path, options.overrides));
}

std::vector<std::string> held_out_words(const data::DataSet& data) {
  return data::value_words(data.train, data::Split::kHeldOut);
}

/// A file that somebody measured with is not replaced by another one unasked.
void write_set(const std::string& path, const std::string& content, bool overwrites) {
  if (!overwrites && fs::exists(path) && base::read_file(path, kMaxSetBytes) != content) {
    throw base::Error(base::ErrorCode::kInvalidArgument,
                      "the file is there with other content; choose another --out, or add --force",
                      path);
  }
  base::write_file_atomically(path, content);
}

void write_questions(const QuestionsCommand& options) {
  data::EvalSpec spec = options.spec;
  spec.wordings.clear();
  for (const std::string& name : options.wordings) {
    spec.wordings.push_back(data::eval_wording_from_name(name));
  }
  const data::DataSet data = load_data_of(options);
  const std::string lines =
      data::make_eval_set(data.tokenizer, data.held_out, held_out_words(data), spec);
  if (const fs::path folder = fs::path(options.out).parent_path(); !folder.empty()) {
    base::make_folder(folder.string());
  }
  write_set(options.out, lines, options.overwrites);
  write_output(fmt::format("{}: {} cells of {} questions in {} documents\n", options.out,
                           spec.lengths.size() * spec.wordings.size() * spec.hops.size(),
                           spec.questions, std::ranges::count(lines, '\n')));
}

void write_demo(const DemoCommand& options) {
  const data::DataSet data = load_data_of(options);
  const data::DemoSet demo =
      data::make_demo_set(data.tokenizer, data.held_out, held_out_words(data), options.spec);
  base::make_folder(options.out);
  write_set(options.out + "/document.txt", demo.document, options.overwrites);
  write_set(options.out + "/questions.json", demo.questions, options.overwrites);
  write_output(fmt::format("{}: {} questions about {} bytes of {}\n", options.out,
                           options.spec.questions, demo.document.size(), options.spec.book));
}

void add_held_out_options(CLI::App& command, HeldOutCommand& options, const char* out_help) {
  add_recipe_options(command, options.recipe_path, options.overrides);
  command.add_option("--out", options.out, out_help)->required();
  command.add_flag("--force", options.overwrites, "replace what is there");
}

}  // namespace

void add_questions_command(CLI::App& data, Invocation& invocation) {
  auto options = std::make_shared<QuestionsCommand>();
  data::EvalSpec& spec = options->spec;
  CLI::App* command = data.add_subcommand(
      "questions", "Writes look-up questions for `levin eval`: held-out novel, names and values");
  add_held_out_options(*command, *options, "file to write (JSON lines, docs/data.md)");
  command->add_option("--lengths", spec.lengths, "contexts in tokens, answer included")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  command
      ->add_option("--wordings", options->wordings,
                   "first, second, carrier, new_question, new_attribute")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--hops", spec.hops, "1, 2 or both")->delimiter(',')->capture_default_str();
  command->add_option("--count", spec.questions, "questions of each length, wording and hops")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--per-document", spec.questions_per_document, "at most")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--facts", spec.facts, "of a document, as far as they fit in half of it")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--depth-bins", spec.depth_bins, "over which the facts are spread")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--book", spec.book, "of the held-out ones")->capture_default_str();
  command->add_option("--seed", spec.seed, "another one makes another set")->capture_default_str();
  command->callback(
      [options, &invocation] { invocation.run = [options] { write_questions(*options); }; });
}

void add_demo_command(CLI::App& data, Invocation& invocation) {
  auto options = std::make_shared<DemoCommand>();
  data::DemoSpec& spec = options->spec;
  CLI::App* command = data.add_subcommand(
      "demo", "Writes a document with facts in a held-out novel, and a question about each");
  add_held_out_options(*command, *options, "folder for document.txt and questions.json");
  command->add_option("--length", spec.length, "context in tokens, answer included")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  command->add_option("--count", spec.questions, "questions")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_option("--book", spec.book, "of the held-out ones")->capture_default_str();
  command->add_option("--seed", spec.seed, "another one makes another demo")->capture_default_str();
  command->callback(
      [options, &invocation] { invocation.run = [options] { write_demo(*options); }; });
}

}  // namespace levin::train::run
