// recipes/mini/Makefile, with recipes of a model that trains in a second.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "formats/temporary_folder.h"
#include "train/run/train_process.h"

namespace levin::train::run {
namespace {

namespace fs = std::filesystem;

using levin::testing::file_bytes;
using levin::testing::micro_model;
using levin::testing::run_program;
using levin::testing::small_data_folder;
using levin::testing::TemporaryFolder;
using levin::testing::TrainResult;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kDefaults = R"([defaults]
row_tokens = 96
tokens_per_step = 192
max_steps = 3
[defaults.sample]
document_tokens_min = 64
document_tokens_max = 97
)";

class MiniMakefile : public ::testing::Test {
 protected:
  MiniMakefile() {
    // Where the parent and the data are, the Makefile knows.
    const std::string parent = "[model]\nparent = \"elsewhere\"\ntied_input_scale = 20.0\n";
    write("dense.toml", micro_model(), "[[stage]]\nname = \"D1\"\n");
    write("more_facts.toml", parent, "[[stage]]\nname = \"D2\"\n");
    write("all_lengths.toml", parent, "[[stage]]\nname = \"D3\"\n");
    write("sparse.toml",
          parent + "[indexer]\nindex_n_heads = 2\nindex_head_dim = 32\nindex_topk = 16\n",
          "[[stage]]\nname = \"W\"\nkind = \"warmup\"\n[[stage]]\nname = \"S\"\nkind = "
          "\"sparse\"\n");
    write("control.toml", parent, "[[stage]]\nname = \"C\"\n");
  }

  void write(const std::string& name, const std::string& model, const std::string& stages) {
    std::ofstream(folder_.file(name))
        << model << kDefaults << "[data]\nfolder = \"elsewhere\"\nvocab_size = 700\n"
        << stages;
  }

  /// Makes a recipe newer than everything that is there.
  void touch(const std::string& name) {
    fs::last_write_time(folder_.file(name),
                        fs::file_time_type::clock::now() + std::chrono::seconds(1));
  }

  TrainResult make(const std::string& target = "all",
                   const std::vector<std::string>& settings = {}) {
    std::vector<std::string> arguments = {"-C", LEVIN_SOURCE_DIR, "-f", "recipes/mini/Makefile",
                                          target};
    arguments.insert(
        arguments.end(),
        {std::string("LEVIN_TRAIN=") + LEVIN_TRAIN_BINARY, std::string("LEVIN=") + LEVIN_BINARY,
         "RECIPES=" + folder_.path(), "DATA=" + small_data_folder(), "RUNS=" + folder_.file("runs"),
         "MODELS=" + folder_.file("models"), "EVAL=" + folder_.file("eval")});
    arguments.insert(arguments.end(), {"FLAGS=--threads 1", "DEMO=--length 250 --count 2"});
    arguments.insert(arguments.end(),
                     {"COUNT=4", "REPORTED_COUNT=4", "FACTS=2", "LENGTHS=250", "UNSEEN_LENGTHS=250",
                      "CTX=128", "EVAL_FLAGS=--windows 2 --threads 1"});
    arguments.insert(arguments.end(), settings.begin(), settings.end());
    return run_program("/usr/bin/make", arguments);
  }

  TemporaryFolder folder_;
};

TEST_F(MiniMakefile, MakesBothModelsAndWhatIsMissingOfThem) {
  const TrainResult made = make();
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(file_bytes(folder_.file("models/mini/config.json")),
              HasSubstr("DeepseekV32ForCausalLM"));
  EXPECT_THAT(file_bytes(folder_.file("models/mini-dense/config.json")),
              HasSubstr("DeepseekV3ForCausalLM"));
  EXPECT_THAT(file_bytes(folder_.file("models/mini/demo/questions.json")), HasSubstr("What is "));

  const TrainResult again = make();
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, Not(HasSubstr("levin-train"))) << "nothing is made twice";

  fs::remove_all(folder_.file("models/mini"));
  const TrainResult one = make();
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_THAT(one.out,
              AllOf(HasSubstr("runs/mini --resume"), Not(HasSubstr("mini-dense --resume"))));
  EXPECT_TRUE(fs::exists(folder_.file("models/mini/model.safetensors")));
}

TEST_F(MiniMakefile, TrainsTheDenseModelInThreeRunsOfWhichTheSecondBeginsInBf16) {
  ASSERT_EQ(make().exit_code, 0);
  const std::string first = file_bytes(folder_.file("runs/mini-short/final/model.safetensors"));
  EXPECT_THAT(first, HasSubstr("\"BF16\""));
  for (const char* run : {"mini-facts", "mini-dense"}) {
    const std::string weights =
        file_bytes(folder_.file("runs/" + std::string(run) + "/final/model.safetensors"));
    EXPECT_THAT(weights, Not(HasSubstr("\"BF16\""))) << run;
  }
  EXPECT_THAT(file_bytes(folder_.file("runs/mini-facts/recipe.toml")),
              HasSubstr("parent = \"" + folder_.file("runs/mini-short/final") + "\""));
  EXPECT_THAT(file_bytes(folder_.file("runs/mini-dense/recipe.toml")),
              HasSubstr("parent = \"" + folder_.file("runs/mini-facts/final") + "\""));
}

TEST_F(MiniMakefile, ARecipeThatWasChangedIsNotPassedOver) {
  ASSERT_EQ(make().exit_code, 0);
  const std::string weights = file_bytes(folder_.file("models/mini/model.safetensors"));
  touch("sparse.toml");
  const TrainResult same = make();
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_THAT(same.out, HasSubstr("sparse.toml"));
  EXPECT_EQ(file_bytes(folder_.file("models/mini/model.safetensors")), weights);
  EXPECT_TRUE(fs::exists(folder_.file("models/mini/demo/questions.json")))
      << "what is beside stays";

  std::ofstream(folder_.file("sparse.toml"), std::ios::app) << "max_steps = 4\n";
  touch("sparse.toml");
  const TrainResult changed = make();
  EXPECT_NE(changed.exit_code, 0);
  EXPECT_THAT(changed.err, HasSubstr("another recipe (stage 2.max_steps: 3 != 4)"));
  EXPECT_EQ(file_bytes(folder_.file("models/mini/model.safetensors")), weights);
}

TEST_F(MiniMakefile, EvaluatesBothModels) {
  const TrainResult made = make("evaluation");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(file_bytes(folder_.file("eval/first.md")),
              HasSubstr("| first wording |     250 | random             |     4 |"));
  EXPECT_THAT(file_bytes(folder_.file("eval/second.md")), HasSubstr("| second wording |"));
  EXPECT_THAT(file_bytes(folder_.file("eval/two_hops.md")), HasSubstr("two hops"));
  EXPECT_THAT(file_bytes(folder_.file("eval/unseen.md")), HasSubstr("new_attribute"));
  for (const char* text : {"eval/text.md", "eval/second_text.md"}) {
    EXPECT_THAT(file_bytes(folder_.file(text)), HasSubstr("mini-dense (dense)")) << text;
  }
  EXPECT_TRUE(fs::exists(folder_.file("eval/maps-first/first-wording.sparse.svg")));
  EXPECT_TRUE(fs::exists(folder_.file("eval/first.jsonl"))) << "no intermediate file";
  EXPECT_THAT(make("evaluation").out, Not(HasSubstr("levin eval"))) << "nothing is asked twice";

  EXPECT_THAT(make("evaluation", {"SEED=3"}).out, HasSubstr("--seed 3")) << "other questions";
  const std::string weights = folder_.file("models/mini-dense/model.safetensors");
  const auto before = fs::last_write_time(weights);
  std::string bytes = file_bytes(weights);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(weights, std::ios::binary) << bytes;
  fs::last_write_time(weights, before);
  const TrainResult again = make("evaluation", {"SEED=3"});
  EXPECT_THAT(again.out, HasSubstr("first.md")) << "other weights, whatever their time says";
  EXPECT_EQ(again.exit_code, 0) << again.err;
}

TEST_F(MiniMakefile, WritesTheModelCardFromWhatWasMeasured) {
  const TrainResult made = make("card");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const std::string card = file_bytes(folder_.file("models/mini/README.md"));
  EXPECT_THAT(card, HasSubstr("| first wording |     250 | random             |     4 |"));
  EXPECT_THAT(card, HasSubstr("mini-dense (dense)"));
  for (const char* row : {"\nD1 ", "\nD2 ", "\nD3 ", "\nW ", "\nS ", "\nC "}) {
    EXPECT_THAT(card, HasSubstr(row));
  }
  EXPECT_THAT(card, ContainsRegex("\n[1-9][0-9]* cores of an .+, 20[0-9-]+\\.\n"));
  EXPECT_THAT(card, Not(HasSubstr("@include")));
  for (const char* picture : {"mini.indexer_kl", "mini.loss", "mini-control.loss"}) {
    EXPECT_TRUE(fs::exists(folder_.file(std::string("models/mini/img/") + picture + ".svg")));
  }
  const std::string dense_card = file_bytes(folder_.file("models/mini-dense/README.md"));
  EXPECT_THAT(dense_card, HasSubstr("\nC "));
  EXPECT_THAT(dense_card, Not(HasSubstr("@include")));
  EXPECT_TRUE(fs::exists(folder_.file("models/mini-dense/img/control.loss.svg")));
  EXPECT_TRUE(fs::exists(folder_.file("models/mini/img/first-wording.sparse.svg")));
}

TEST_F(MiniMakefile, StopsAtAStageThatFails) {
  std::ofstream(folder_.file("sparse.toml")) << "[model]\n";
  EXPECT_NE(make().exit_code, 0);
  EXPECT_TRUE(fs::exists(folder_.file("runs/mini-dense/final/model.safetensors")));
  EXPECT_FALSE(fs::exists(folder_.file("models/mini")));
}

}  // namespace
}  // namespace levin::train::run
