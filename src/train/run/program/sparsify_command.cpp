// levin-train sparsify: gives a dense checkpoint an indexer, one layer at a time.

#include <CLI/CLI.hpp>
#include <memory>

#include "train/run/interrupt.h"
#include "train/run/program/commands.h"
#include "train/run/progress.h"
#include "train/run/sparsify.h"

namespace levin::train::run {
namespace {

struct SparsifyCommand {
  SparsifyOptions sparsify;
  bool resumes = false;
  int threads = 0;
};

}  // namespace

void add_sparsify_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<SparsifyCommand>();
  SparsifyOptions& sparsify = options->sparsify;
  CLI::App* command = app.add_subcommand(
      "sparsify", "Trains a lightning indexer for a dense checkpoint, also one larger than memory");
  command->add_option("MODEL", sparsify.model_dir, "dense checkpoint folder")->required();
  command
      ->add_option(
          "--data", sparsify.data,
          "a text file, a folder of *.txt, or one of levin-train data build; read with the "
          "model's own tokenizer")
      ->required();
  command->add_option("--out", sparsify.out, "folder to make")->required();
  command->add_flag("--resume", options->resumes, "go on behind the layers that are done, if any");
  command->add_option("--steps", sparsify.steps, "updates of each layer's indexer (default 200)")
      ->check(CLI::Range(1, 1'000'000));
  command->add_option("--row-tokens", sparsify.row_tokens, "tokens of a step (default 2048)")
      ->check(CLI::Range(16, 1 << 24));
  command->add_option("--lr", sparsify.lr, "learning rate (default 0.005)")
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--seed", sparsify.seed, "of the indexers' first weights and the data");
  command->add_option("--index-heads", sparsify.index_n_heads, "index_n_heads (default 64)")
      ->check(CLI::Range(1, 4096));
  command->add_option("--index-head-dim", sparsify.index_head_dim, "(default 128)")
      ->check(CLI::Range(2, 4096));
  command->add_option("--topk", sparsify.index_topk, "index_topk (default 2048)")
      ->check(CLI::Range(1, 1 << 24));
  command->add_option("--threads", options->threads, "threads (default: one per core)")
      ->check(CLI::Range(1, 1024));
  command->callback([options, &invocation] {
    invocation.run = [options] {
      options->sparsify.mode = options->resumes ? StartMode::kResume : StartMode::kFresh;
      prepare_machine(options->threads);
      Progress progress;
      sparsify_checkpoint(options->sparsify, interrupt_token(), progress);
    };
  });
}

}  // namespace levin::train::run
